// Package word2vec trains word vectors by skip-gram with negative sampling on one machine's rows. It knows no network and no files: it takes
// records (sentences of vocabulary ids) and changes rows.
//
// # What is maximised
//
// Every word w has two vectors, the input vector u (a row of syn0, the one that users look up) and the output vector v (a row of syn1neg).
// For every word, the center, and every word near it, its context, the model maximises
//
//	log σ(u_context · v_center) + Σ_negatives log σ(−u_context · v_negative)         σ(x) = 1 / (1 + e^−x)
//
// (Mikolov et al., "Distributed Representations of Words and Phrases and their Compositionality", arXiv:1310.4546, equation 4; word2vec takes the context
// word's input vector against the center's output vector, and since every word is a center in its turn, that is the paper's sum in another order.)
// Its gradient is an error times a vector: with label 1 for the center and 0 for a negative,
//
//	e = alpha · (label − σ(u·v)),    u += e·v,    v += e·u
//
// # The random choices
//
//   - Subsampling (section 2.3 there, but by the formula of word2vec's and gensim's code): an occurrence of a word that makes up the share f of the
//     text is kept with probability √(s/f) + s/f, s = Sample. Words left out are gone before windows are formed, so that windows reach farther.
//   - Dynamic windows (Mikolov et al., "Efficient Estimation of Word Representations in Vector Space", arXiv:1301.3781, section 3.2): the radius of each
//     window is uniform in 1..Window, which weighs near words more. Windows never leave their record.
//   - Negatives are drawn with probability ∝ count^NsExponent (0.75: section 2.2 of the first paper), once per window and shared by its context words, as in
//     pWord2Vec (Ji et al., arXiv:1604.04661, section 3.1). A negative that equals the center is left out, as in word2vec.
//
// All of them come from a generator seeded by (seed, epoch, partition, index of the record) and by nothing else: whoever trains a record, on whichever thread
// and on whichever rows, makes the same choices. That is what lets Need tell beforehand which rows Train will touch.
//
// # Threads
//
// Several Trainers run on the same Matrices at once without locks (Niu et al., "Hogwild!", arXiv:1106.5730): rows are many and windows touch few of
// them, so that a lost addition is rare and harmless. See Matrices.
package word2vec

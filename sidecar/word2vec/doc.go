// Package word2vec trains word vectors on one machine's rows: by skip-gram or CBOW, with negative sampling, hierarchical softmax, or both. It knows no
// network and no files: it takes records (sentences of vocabulary ids) and changes rows.
//
// # What is maximised
//
// Every word w has an input vector u (a row of syn0, the one that users look up). A hidden vector h predicts the word in the middle of a window, the center:
//
//   - skip-gram: every word near it, its context, does so by itself, h = u_context. (word2vec takes the context word's input vector against the center's
//     output vector, and since every word is a center in its turn, that is the paper's sum in another order.)
//   - CBOW: the words near it do so together, h being the mean of their vectors or the sum (Mikolov et al., arXiv:1301.3781, section 3.1; see bagOfWords).
//
// The prediction is a number of choices between yes and no, each by an output vector v of its own:
//
//   - negative sampling: every word has an output vector (a row of syn1neg). yes to the center's, no to those of some words drawn at random,
//     the negatives (Mikolov et al., "Distributed Representations of Words and Phrases and their Compositionality", arXiv:1310.4546, equation 4).
//   - hierarchical softmax: every inner node of a binary tree over the words has one (a row of syn1). At each node on the way from the root to the center,
//     yes is left and no is right (equation 3 there; see tree).
//
// With label 1 for yes and 0 for no, what is maximised is the sum of
//
//	log σ(h·v) for label 1, log σ(−h·v) for label 0         σ(x) = 1 / (1 + e^−x)
//
// Its gradient is an error times a vector:
//
//	e = alpha · (label − σ(h·v)),    h += e·v,    v += e·h
//
// Skip-gram with five negatives alone takes the windows of a record two by two, one from each half, which are far apart and so have few words in common: the scores of both come before the
// updates of either (see vec.Pair). Every other mode takes one after the other.
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

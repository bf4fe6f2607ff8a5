"""Prints gensimTrees of gensim_tree_test.go: digests of gensim's Huffman trees. Run it with gensim 4.4.0."""

from gensim.models import Word2Vec

print("package word2vec\n\n// Printed by testdata/gensim_tree.py.\nvar gensimTrees = []struct {\n\twords, divisor int\n\tdigest         uint64\n}{")
for words, divisor in [(1, 1), (2, 1), (3, 100), (10, 40), (100, 900), (1000, 90000), (5000, 9000000), (5000, 3)]:
    model = Word2Vec(hs=1, negative=0, min_count=1, vector_size=1)
    counts = {f"w{i:05d}": 1 + (words - i) * (words - i) * 7 // divisor for i in range(words)}
    model.build_vocab_from_freq(counts)
    assert [model.wv.get_vecattr(i, "count") for i in range(words)] == list(counts.values())  # ties may lie in another order
    digest = 0
    for i in range(words):
        for k, (node, code) in enumerate(zip(model.wv.get_vecattr(i, "point"), model.wv.get_vecattr(i, "code"))):
            digest = (digest << 7 | digest >> 57) & (1 << 64) - 1
            digest ^= (k + 1) * (2 * int(node) + int(code) + 1) * 0x9E3779B97F4A7C15 & (1 << 64) - 1
    print(f"\t{{{words}, {divisor}, {digest:#x}}},")
print("}")

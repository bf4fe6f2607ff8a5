package word2vec

// Printed by testdata/gensim_tree.py.
var gensimTrees = []struct {
	words, divisor int
	digest         uint64
}{
	{1, 1, 0x0},
	{2, 1, 0xa94ec0c63536690b},
	{3, 100, 0x3046acbbe15cb14f},
	{10, 40, 0x623f686b0ad9ef6e},
	{100, 900, 0x880aadaa6c72fbdb},
	{1000, 90000, 0xd37abc68593b078c},
	{5000, 9000000, 0x41a97d787b2f9aec},
	{5000, 3, 0x5175d8e9d178270e},
}

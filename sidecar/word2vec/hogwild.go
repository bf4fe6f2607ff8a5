//go:build !race

package word2vec

// hogwild is no lock.
type hogwild struct{}

func (hogwild) lock()   {}
func (hogwild) unlock() {}

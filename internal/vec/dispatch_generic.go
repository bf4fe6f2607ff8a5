//go:build !amd64 || purego

package vec

// assembly lists no kernel: there is none for this processor, or the tag purego asked for none.
func assembly() []kernel { return nil }

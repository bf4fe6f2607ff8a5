package bundle

import (
	"encoding/json"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// FuzzHeader maps foreign headers onto a sealed memfd of one page, and touches every byte that the accepted ones name: an extent
// that was let through wrongly dies here.
func FuzzHeader(f *testing.F) {
	fd, err := unix.MemfdCreate("fuzz", unix.MFD_ALLOW_SEALING)
	if err != nil {
		f.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "fuzz")
	f.Cleanup(func() { file.Close() })
	file.Truncate(4096)
	unix.FcntlInt(file.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW)
	f.Fuzz(func(t *testing.T, text []byte) {
		var h Header
		if json.Unmarshal(text, &h) != nil {
			return
		}
		h.Bytes = 4096
		m, err := Map(file, h)
		if err != nil {
			return
		}
		defer m.Close()
		sum := 0
		for _, tensor := range m.Tensors {
			for _, b := range tensor.Data {
				sum += int(b)
			}
			for _, k := range tensor.Keys {
				sum += int(k)
			}
		}
		_ = sum
	})
}

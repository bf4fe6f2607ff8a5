package bundle

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ErrSeals means that a memfd could still be truncated under its reader.
var ErrSeals = errors.New("the memfd is not sealed against shrinking and growing (F_SEAL_SHRINK | F_SEAL_GROW)")

// Mapped is a received bundle in memory. Its tensors live until Close.
type Mapped struct {
	Tensors []Tensor
	Numbers map[string]float64

	data []byte
}

// Map checks a received memfd against its header, and maps it for reading. The file may be closed afterwards; a bundle without
// bytes needs none.
func Map(file *os.File, header Header) (*Mapped, error) { return mapFile(file, header, unix.PROT_READ) }

// MapShared is Map for memory that both ends write: a tensor that the driver shares with the server.
func MapShared(file *os.File, header Header) (*Mapped, error) {
	return mapFile(file, header, unix.PROT_READ|unix.PROT_WRITE)
}

func mapFile(file *os.File, header Header, prot int) (*Mapped, error) {
	size := int64(0)
	if file != nil {
		var stat unix.Stat_t
		if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
			return nil, fmt.Errorf("bundle: stat: %w", err)
		}
		size = stat.Size
	}
	if err := header.Check(size); err != nil {
		return nil, err
	}
	m := &Mapped{Numbers: header.Numbers}
	if size > 0 {
		seals, err := unix.FcntlInt(file.Fd(), unix.F_GET_SEALS, 0)
		if err != nil {
			return nil, fmt.Errorf("bundle: not a memfd: %w", err)
		}
		if want := unix.F_SEAL_SHRINK | unix.F_SEAL_GROW; seals&want != want {
			return nil, fmt.Errorf("bundle: %w", ErrSeals)
		}
		if m.data, err = unix.Mmap(int(file.Fd()), 0, int(size), prot, unix.MAP_SHARED); err != nil {
			return nil, fmt.Errorf("bundle: map %d bytes: %w", size, err)
		}
	}
	m.Tensors = views(&header, m.data)
	for i := range m.Tensors {
		if err := ascending(m.Tensors[i].Keys); err != nil {
			err = fmt.Errorf("bundle: tensor %q: %w", m.Tensors[i].Name, err)
			m.Close()
			return nil, err
		}
	}
	return m, nil
}

// Close unmaps: no tensor of the bundle may be touched afterwards.
func (m *Mapped) Close() error {
	if m.data == nil {
		return nil
	}
	data := m.data
	m.data, m.Tensors = nil, nil
	return unix.Munmap(data)
}

func ascending(keys []uint32) error {
	for i := 1; i < len(keys); i++ {
		if keys[i] <= keys[i-1] {
			return fmt.Errorf("keys are not strictly ascending: %d after %d", keys[i], keys[i-1])
		}
	}
	return nil
}

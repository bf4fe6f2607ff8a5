package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Partition is a committed spool.
type Partition struct {
	dir      string
	manifest manifest
	budget   *Budget
}

// Open reads a committed spool's manifest from its directory.
func Open(dir string) (*Partition, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	return &Partition{dir: dir, manifest: *m, budget: NewBudget(0)}, nil
}

// Number is the partition's number.
func (p *Partition) Number() uint32 { return p.manifest.Partition }

// Totals are what the partition has.
func (p *Partition) Totals() Totals { return p.manifest.Totals }

// Remove deletes the spool. Readers that are open go on.
func (p *Partition) Remove() error {
	p.budget.Release(p.manifest.SpoolBytes)
	return os.RemoveAll(p.dir)
}

// Unknown marks, in a Table, a word that is not in the vocabulary.
const Unknown = ^uint32(0)

// Table translates dictionary numbers of one partition to vocabulary ids.
type Table []uint32

// Table looks every word of the dictionary up. It is built once per partition and training.
func (p *Partition) Table(id func(word []byte) (uint32, bool)) (Table, error) {
	table := make(Table, p.manifest.Distinct)
	err := readWords(p.dir, &p.manifest, func(number int, text []byte) {
		table[number] = Unknown
		if v, ok := id(text); ok {
			table[number] = v
		}
	})
	if err != nil {
		return nil, p.damaged(err)
	}
	return table, nil
}

func (p *Partition) records() (*os.File, error) {
	file, err := os.Open(filepath.Join(p.dir, recordsName))
	if err != nil {
		return nil, p.damaged(err)
	}
	return file, nil
}

// ErrDamaged means that a committed spool can't be read any more: files are missing, or hold something else than was written.
var ErrDamaged = errors.New("the spool is damaged")

func (p *Partition) damaged(err error) error {
	return fmt.Errorf("partition %d: %w (%s): %w", p.manifest.Partition, ErrDamaged, p.dir, err)
}

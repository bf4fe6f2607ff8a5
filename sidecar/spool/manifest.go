package spool

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// Totals are what an ingested partition has.
type Totals struct {
	Rows           uint64 `json:"rows"`            // of the RDD, as sent
	Records        uint64 `json:"records"`         // sentences after splitting, empty ones left out
	Words          uint64 `json:"words"`           // tokens in them
	SplitSentences uint64 `json:"split_sentences"` // sentences that were longer than MaxSentence
	Distinct       uint64 `json:"distinct"`
	SpoolBytes     uint64 `json:"spool_bytes"`
}

// manifest closes a partition's directory.
type manifest struct {
	Version   int    `json:"version"`
	Partition uint32 `json:"partition"`
	Attempt   int64  `json:"attempt"`
	WordsCRC  uint32 `json:"words_crc"` // CRC-32C of the file of words
	Totals
}

const (
	manifestVersion = 1
	manifestName    = "manifest.json"
	recordsName     = "records"
	wordsName       = "words"
)

func (m *manifest) write(dir string) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, manifestName), body, 0o600)
}

func readManifest(dir string) (*manifest, error) {
	body, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		return nil, err
	}
	m := &manifest{}
	if err := json.Unmarshal(body, m); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if m.Version != manifestVersion || m.Distinct > maxDictionaryBytes {
		return nil, fmt.Errorf("manifest: version %d, %d words: not what this build writes", m.Version, m.Distinct)
	}
	return m, nil
}

// writeWords writes the dictionary: uvarint length and text of each word. It returns the file's length and CRC.
func writeWords(path string, d *Dictionary, budget *Budget) (uint64, uint32, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, 0, err
	}
	defer file.Close()
	sum := crc32.New(castagnoli)
	counted := &budgeted{to: io.MultiWriter(file, sum), budget: budget}
	w := bufio.NewWriterSize(counted, 256<<10)
	var length [binary.MaxVarintLen64]byte
	for i := range d.Len() {
		word := d.Word(i)
		w.Write(length[:binary.PutUvarint(length[:], uint64(len(word)))])
		w.Write(word)
	}
	if err := w.Flush(); err != nil {
		budget.Release(counted.written)
		return 0, 0, err
	}
	return counted.written, sum.Sum32(), nil
}

// readWords calls word for each word of the dictionary, in the order of its numbers.
func readWords(dir string, m *manifest, word func(number int, text []byte)) error {
	text, err := os.ReadFile(filepath.Join(dir, wordsName))
	if err != nil {
		return err
	}
	if crc32.Checksum(text, castagnoli) != m.WordsCRC {
		return fmt.Errorf("the dictionary is damaged (checksum differs)")
	}
	for i := range int(m.Distinct) {
		n, used := binary.Uvarint(text)
		if used <= 0 || n > uint64(len(text)-used) {
			return fmt.Errorf("the dictionary ends at word %d of %d", i, m.Distinct)
		}
		word(i, text[used:used+int(n)])
		text = text[used+int(n):]
	}
	return nil
}

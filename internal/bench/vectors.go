package bench

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
)

// WriteVectors writes the input vectors in word2vec's text format.
func (t *Training) WriteVectors(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write vectors: %w", err)
	}
	out := bufio.NewWriterSize(file, 1<<20)
	fmt.Fprintln(out, len(t.Text.Words), t.Settings.VectorSize)
	var number []byte
	for id, word := range t.Text.Words {
		out.WriteString(word)
		for _, v := range t.Rows.Syn0[id*t.Rows.Stride:][:t.Settings.VectorSize] {
			number = strconv.AppendFloat(append(number[:0], ' '), float64(v), 'g', -1, 32)
			out.Write(number)
		}
		out.WriteByte('\n')
	}
	if err := out.Flush(); err != nil {
		file.Close()
		return fmt.Errorf("write vectors to %s: %w", path, err)
	}
	return file.Close()
}

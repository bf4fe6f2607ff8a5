package figures

import (
	"encoding/json"
	"fmt"
)

// MarshalJSON writes the pair [word, cosine], as gensim returns it.
func (n Neighbour) MarshalJSON() ([]byte, error) { return json.Marshal([2]any{n.Word, n.Cosine}) }

// UnmarshalJSON reads the pair [word, cosine].
func (n *Neighbour) UnmarshalJSON(data []byte) error {
	var pair []json.RawMessage
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("a neighbour is [word, cosine], not %d values", len(pair))
	}
	if err := json.Unmarshal(pair[0], &n.Word); err != nil {
		return err
	}
	return json.Unmarshal(pair[1], &n.Cosine)
}

package figures

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestANeighbourIsAPairInJSON(t *testing.T) {
	text, err := json.Marshal([]Neighbour{{"king", 0.5}})
	if err != nil || string(text) != `[["king",0.5]]` {
		t.Fatalf("%s, %v", text, err)
	}
	var back []Neighbour
	if err := json.Unmarshal(text, &back); err != nil || back[0] != (Neighbour{"king", 0.5}) {
		t.Errorf("%v, %v", back, err)
	}
	for _, bad := range []string{`[["king"]]`, `[["king",0.5,1]]`, `[[1,"king"]]`, `["king"]`} {
		if json.Unmarshal([]byte(bad), &back) == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

// The protocol's README lists what `watch` answers: a figure that it does not name would be a secret of this package.
func TestTheProtocolNamesEveryFigure(t *testing.T) {
	text, err := os.ReadFile("../../proto/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range []any{Figures{}, Epoch{}, Worker{}} {
		for i := range reflect.TypeOf(of).NumField() {
			name := strings.Split(reflect.TypeOf(of).Field(i).Tag.Get("json"), ",")[0]
			if !strings.Contains(string(text), `"`+name+`"`) {
				t.Errorf("proto/README.md does not name %q", name)
			}
		}
	}
}

package dashboard

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"time"
	"unicode/utf8"

	"deepdist/psserver/figures"
)

//go:embed page
var pageFiles embed.FS

// contentTypes are fixed, as package mime would ask the machine, and nosniff makes a wrong answer fatal.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// assets are the files of the page by their addresses; index.html is "/", and nothing else.
func assets() map[string]http.Handler {
	handlers := map[string]http.Handler{}
	files, err := fs.ReadDir(pageFiles, "page")
	if err != nil {
		panic(err) // they are part of the binary
	}
	for _, file := range files {
		body, err := pageFiles.ReadFile("page/" + file.Name())
		if err != nil {
			panic(err)
		}
		address := "/" + file.Name()
		if file.Name() == "index.html" {
			address = "/{$}"
		}
		handlers[address] = asset(contentTypes[path.Ext(file.Name())], body)
	}
	return handlers
}

func asset(contentType string, body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	})
}

// figures answers the run's figures of this moment: what `watch` tells the driver.
func (p *Page) figures(w http.ResponseWriter, _ *http.Request) {
	p.answer(w, http.StatusOK, finite(p.source.Figures()))
}

const (
	maxWordBytes  = 1024
	defaultTopN   = 10
	maxNeighbours = 100
)

// neighbours answers ?word=&topn= with the words nearest to it, as {"word", "neighbours": [[word, cosine], …]}. One search runs at a
// time: it reads every vector, and the training has the first claim to the cores.
func (p *Page) neighbours(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	word, topn := query.Get("word"), defaultTopN
	if word == "" || len(word) > maxWordBytes || !utf8.ValidString(word) {
		p.refuse(w, http.StatusBadRequest, fmt.Errorf("name a word of at most %d bytes: /neighbours?word=king", maxWordBytes))
		return
	}
	if text := query.Get("topn"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxNeighbours {
			p.refuse(w, http.StatusBadRequest, fmt.Errorf("topn is a number from 1 to %d", maxNeighbours))
			return
		}
		topn = n
	}
	select {
	case p.searches <- struct{}{}:
		defer func() { <-p.searches }()
	case <-r.Context().Done():
		return
	}
	near, err := p.source.MostSimilar(word, topn)
	if err != nil {
		p.refuse(w, http.StatusNotFound, err)
		return
	}
	if near == nil {
		near = []figures.Neighbour{}
	}
	p.answer(w, http.StatusOK, map[string]any{"word": word, "neighbours": near})
}

func (p *Page) refuse(w http.ResponseWriter, status int, err error) {
	p.answer(w, status, map[string]string{"error": err.Error()})
}

func (p *Page) answer(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		p.log.Error("page: encode an answer", "error", err)
		http.Error(w, "the answer can't be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}

// Go's own transparency log library (golang.org/x/mod/sumdb: signed notes, tiles, record and tree proofs), from
// which C2SP's formats come, held against a log that tallyd wrote.
//
//	tlog check DIR KEY         the checkpoint's note, every entry, every level's tiles, every index's inclusion,
//	                           consistency from every smaller size; prints what was checked, as JSON
//	tlog proof KEY ENTRY       standard input is a .tlog-proof: whether it proves the entry (in hex) under its checkpoint
//	tlog vectors               notes and proofs that this library makes, as JSON
//
// KEY is a verifier key ("name+id+base64"); its name is the origin.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8 // a tile has 2^8 hashes

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// ---- reading a log ----

// Path without its own height, which C2SP's tiles do not name.
func pathOf(t tlog.Tile) string {
	return strings.Replace(t.Path(), "tile/8/", "tile/", 1)
}

// directory reads tiles, a partial one that has gone from the full one.
type directory string

func (d directory) read(t tlog.Tile, item int) ([]byte, error) {
	bytes, err := os.ReadFile(filepath.Join(string(d), pathOf(t)))
	if os.IsNotExist(err) && t.W < 1<<height {
		full := t
		full.W = 1 << height
		bytes, err = os.ReadFile(filepath.Join(string(d), pathOf(full)))
		if err == nil && len(bytes) == item<<height {
			bytes = bytes[:item*t.W]
		}
	}
	if err == nil && len(bytes) != item*t.W {
		err = fmt.Errorf("%s has %d bytes", pathOf(t), len(bytes))
	}
	return bytes, err
}

func (d directory) Height() int { return height }

func (d directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		bytes, err := d.read(t, tlog.HashSize)
		if err != nil {
			return nil, err
		}
		all = append(all, bytes)
	}
	return all, nil
}

func (d directory) SaveTiles([]tlog.Tile, [][]byte) {}

// entries reads bundles: each entry is u16be(length) | entry.
func (d directory) entries(size int64) [][]byte {
	var all [][]byte
	for n := int64(0); n<<height < size; n++ {
		width := size - n<<height
		if width > 1<<height {
			width = 1 << height
		}
		t := tlog.Tile{H: height, L: -1, N: n, W: int(width)}
		bytes, err := d.bundle(t)
		must(err)
		for len(bytes) > 0 {
			length := int(bytes[0])<<8 | int(bytes[1])
			all = append(all, bytes[2:2+length])
			bytes = bytes[2+length:]
		}
	}
	return all
}

func (d directory) bundle(t tlog.Tile) ([]byte, error) {
	name := strings.Replace(pathOf(t), "tile/data/", "tile/entries/", 1)
	bytes, err := os.ReadFile(filepath.Join(string(d), name))
	if os.IsNotExist(err) && t.W < 1<<height {
		full := t
		full.W = 1 << height
		bytes, err = d.bundle(full)
		if err == nil && len(bytes) == 34<<height {
			bytes = bytes[:34*t.W]
		}
	}
	return bytes, err
}

// The three lines of a checkpoint, C2SP tlog-checkpoint.
func checkpoint(text []byte, key string) tlog.Tree {
	verifier, err := note.NewVerifier(key)
	must(err)
	opened, err := note.Open(text, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		log.Fatalf("not a checkpoint of %s: %q", verifier.Name(), opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	if strconv.FormatInt(size, 10) != lines[1] {
		log.Fatalf("a size written as %q", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	must(err)
	return tlog.Tree{N: size, Hash: root}
}

// A tree in memory, from entries alone.
type memory []tlog.Hash

func (m *memory) add(n int64, entry []byte) {
	hashes, err := tlog.StoredHashes(n, entry, m)
	must(err)
	*m = append(*m, hashes...)
}

func (m *memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, i := range indexes {
		hashes = append(hashes, (*m)[i])
	}
	return hashes, nil
}

func check(dir directory, key string) {
	text, err := os.ReadFile(filepath.Join(string(dir), "checkpoint"))
	must(err)
	tree := checkpoint(text, key)
	entries := dir.entries(tree.N)
	if int64(len(entries)) != tree.N {
		log.Fatalf("%d entries, and %d are signed", len(entries), tree.N)
	}
	var grown memory
	for i, entry := range entries {
		grown.add(int64(i), entry)
	}
	root, err := tlog.TreeHash(tree.N, &grown)
	must(err)
	if root != tree.Hash {
		log.Fatalf("the entries make the root %v, and %v is signed", root, tree.Hash)
	}
	// the reader authenticates every tile against the signed root before it takes a hash from it
	reader := tlog.TileHashReader(tree, dir)
	for i := range entries {
		proof, err := tlog.ProveRecord(tree.N, int64(i), reader)
		must(err)
		must(tlog.CheckRecord(proof, tree.N, tree.Hash, int64(i), tlog.RecordHash(entries[i])))
	}
	for old := int64(1); old < tree.N; old++ {
		proof, err := tlog.ProveTree(tree.N, old, reader)
		must(err)
		root, err := tlog.TreeHash(old, &grown)
		must(err)
		must(tlog.CheckTree(proof, tree.N, tree.Hash, old, root))
	}
	tiles := 0
	for _, t := range tlog.NewTiles(height, 0, tree.N) {
		// of partial tiles it lists every width up to this tree's
		if t.W < 1<<height && int64(t.W) != tree.N>>(height*t.L)%(1<<height) {
			continue
		}
		tiles++
		want, err := tlog.ReadTileData(t, &grown)
		must(err)
		have, err := dir.read(t, tlog.HashSize)
		must(err)
		if !bytes.Equal(want, have) {
			log.Fatalf("%s is another", pathOf(t))
		}
	}
	must(json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"size": tree.N, "root": tree.Hash, "tiles": tiles}))
}

// ---- a voter's proof ----

func proof(key, entry string) {
	text, err := io.ReadAll(os.Stdin)
	must(err)
	head, note, found := strings.Cut(string(text), "\n\n")
	if !found {
		log.Fatal("no empty line")
	}
	lines := strings.Split(head, "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" {
		log.Fatalf("begins with %q", lines[0])
	}
	lines = lines[1:]
	if strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "index "), 10, 64)
	must(err)
	var hashes tlog.RecordProof
	for _, line := range lines[1:] {
		hash, err := tlog.ParseHash(line)
		must(err)
		hashes = append(hashes, hash)
	}
	tree := checkpoint([]byte(note), key)
	bytes, err := hex.DecodeString(entry)
	must(err)
	must(tlog.CheckRecord(hashes, tree.N, tree.Hash, index, tlog.RecordHash(bytes)))
	must(json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"index": index, "size": tree.N, "root": tree.Hash}))
}

// ---- what this library makes ----

type inclusion struct {
	Index  int64       `json:"index"`
	Size   int64       `json:"size"`
	Hashes []tlog.Hash `json:"hashes"`
}

type consistency struct {
	Old    int64       `json:"old"`
	Size   int64       `json:"size"`
	Hashes []tlog.Hash `json:"hashes"`
}

func entryOf(i int64) []byte {
	entry := sha256.Sum256([]byte(fmt.Sprintf("entry %d", i)))
	return entry[:]
}

func vectors() {
	const origin = "vote.example/reference/0"
	sizes := []int64{1, 3, 8, 255, 256, 513, 70000}
	seed := bytes.Repeat([]byte{0x2a}, ed25519.SeedSize)
	private := ed25519.NewKeyFromSeed(seed)
	key, err := note.NewEd25519VerifierKey(origin, private.Public().(ed25519.PublicKey))
	must(err)
	hash := strings.Split(key, "+")[1]
	signer, err := note.NewSigner("PRIVATE+KEY+" + origin + "+" + hash + "+" +
		base64.StdEncoding.EncodeToString(append([]byte{1}, seed...)))
	must(err)
	var grown memory
	for i := int64(0); i < sizes[len(sizes)-1]; i++ {
		grown.add(i, entryOf(i))
	}
	var notes []string
	var included []inclusion
	var extended []consistency
	for k, size := range sizes {
		root, err := tlog.TreeHash(size, &grown)
		must(err)
		signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", origin, size, root)}, signer)
		must(err)
		notes = append(notes, string(signed))
		for _, index := range []int64{size / 3, size - 1} {
			hashes, err := tlog.ProveRecord(size, index, &grown)
			must(err)
			included = append(included, inclusion{index, size, append([]tlog.Hash{}, hashes...)})
		}
		for _, old := range sizes[:k] {
			hashes, err := tlog.ProveTree(size, old, &grown)
			must(err)
			extended = append(extended, consistency{old, size, append([]tlog.Hash{}, hashes...)})
		}
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	must(encoder.Encode(map[string]interface{}{
		"made_by": "tests/reference/tlog.go vectors; golang.org/x/mod/sumdb", "origin": origin,
		"verifier_key": key, "seed": hex.EncodeToString(seed), "entries": "SHA-256 of \"entry <index>\"",
		"checkpoints": notes, "inclusion": included, "consistency": extended}))
}

func main() {
	log.SetFlags(0)
	switch {
	case len(os.Args) == 4 && os.Args[1] == "check":
		check(directory(os.Args[2]), os.Args[3])
	case len(os.Args) == 4 && os.Args[1] == "proof":
		proof(os.Args[2], os.Args[3])
	case len(os.Args) == 2 && os.Args[1] == "vectors":
		vectors()
	default:
		log.Fatal("usage: tlog check DIR KEY | proof KEY ENTRY <PROOF | vectors")
	}
}

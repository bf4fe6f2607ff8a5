// Package arrowguard turns the body of a BATCH frame into rows of text, and survives any bytes. It is the only package that
// knows Apache Arrow.
//
// The v15 reader trusts what it reads: a length in the metadata is allocated before anything is checked (a message of 1 KB
// can ask for terabytes, which kills the process beyond any recover), and offsets inside a column are not looked at, so that
// the panic comes later, in the caller's code. So a message passes four gates:
//
//  1. Shape (shape.go): our own bounds-checked walk over the flatbuffer. It must be a record batch, of version 5, without
//     compression, with exactly the nodes and buffers of the layout; metadata ≤ 64 KiB; the body ≤ 64 MiB and exactly the
//     bytes that are there; every buffer inside it.
//  2. The reader, given a schema message of our own and an allocator with a cap.
//  3. Offsets (rows.go), on the raw buffers: monotonic, and inside the data.
//  4. Content: the row count that the frame announced, no null, valid UTF-8. These are the user's data, so the error names
//     the row and the fix.
//
// What comes out are slices of the batch, without a copy.
package arrowguard

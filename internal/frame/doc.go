// Package frame speaks the two Unix-socket wires of DeepDist: tasks to their sidecar, and the driver to psserver.
//
// A stream is a sequence of frames. A frame is a header of 16 bytes and a body; one file descriptor may ride on the header
// (SCM_RIGHTS), which is how tensors travel without being copied:
//
//	0–3    length  uint32, little-endian, of the body
//	4–7    crc     uint32, CRC-32 (IEEE) of the body
//	8      kind    HELLO, OK, ERROR, BATCH, END, CALL, EVENT, CHUNK
//	9      bundle  0 none, 1 a descriptor rides on this header, 2 CHUNK frames follow
//	10–11  zero
//	12–15  rows    uint32, of the record batch; else 0
//
// The first frame of a stream is HELLO, which names the protocol, the build and what the stream is for; its answer is OK or
// ERROR. Every body but a BATCH's and a CHUNK's is JSON. A stream whose HELLO asks for it carries no descriptors: a bundle's bytes follow their
// frame as CHUNKs, and nothing comes in between.
//
// What must hold: nothing is allocated for a length that the header's kind does not allow, memory grows only as bytes
// arrive, and a body is handed out only after its checksum agreed. A descriptor that arrives is either handed out or closed.
package frame

// Package spool keeps the sentences of ingested partitions on the executor's local disk, so that every epoch after the ingest
// trains without Spark, Python or the user's RDD.
//
// A sentence is written as the numbers of its tokens in a dictionary of its own partition: the vocabulary, and with it the
// ids that training uses, exists only when every partition has been counted. Reading translates by one table lookup per token.
//
// A committed partition is a directory of three files:
//
//	words          the dictionary: every word once, in order of first appearance
//	records        blocks of records, each with its length, place and CRC
//	manifest.json  the totals and the CRC of the dictionary; written last
//
// The life of a partition's directory:
//
//  1. Create makes it under a temporary name; nobody reads it.
//  2. Seal ends the files and writes the manifest.
//  3. Commit renames it, once the server has accepted the partition; Abort removes it (the stream broke, another attempt was
//     first, the disk is full).
//  4. Root.Close or Root.Drop removes it with its session or training. Readers that still have the files open are not hurt.
//
// The root is locked while its process lives; the next process on the same disk removes roots whose lock is free. Everything
// here is of mode 0700 or 0600: a spool is the user's text.
package spool

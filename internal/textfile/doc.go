// Package textfile reads text where it lies, on disks and in HDFS, so that neither Spark nor Python moves it.
//
//  1. List finds the files that a path names: one file, the files of a directory, or those that a glob matches.
//  2. Cut divides them into splits, so many for each partition. psserver does these two, beside the driver.
//  3. Lines reads the lines of one split, in the sidecar whose task it was given to.
//
// A line belongs to the split in which it starts, and is read to its end, wherever that lies. So every line is read once,
// whatever the cuts. It ends with \n, \r\n or \r, as in Hadoop's TextInputFormat; the last one may end with the file.
//
// Files named *.gz and *.bz2 can't be entered in the middle: each is one split.
//
// HDFS is reached by its own protocol, one NameNode, without Kerberos, encryption or erasure coding.
package textfile

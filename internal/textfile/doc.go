// Package textfile reads text where it lies, on disks and in HDFS, so that neither Spark nor Python moves it.
//
//  1. List finds the files that a path names: one file, the files of a directory, or those that a glob matches. Locate finds out
//     which hosts hold their blocks.
//  2. Cut divides them into splits, so many for each partition, and says where a partition had best be read. psserver does these two,
//     beside the driver.
//  3. Lines reads the lines of one split, in the sidecar whose task it was given to.
//
// A line belongs to the split in which it starts, and is read to its end, wherever that lies. So every line is read once,
// whatever the cuts. It ends with \n, \r\n or \r, as in Hadoop's TextInputFormat; the last one may end with the file.
//
// Files named *.gz, *.bz2 and *.zst can't be entered in the middle, or (bzip2) are not: each is one split.
package textfile

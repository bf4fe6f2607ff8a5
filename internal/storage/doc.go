// Package storage keeps files where the user wants them, on disks and in HDFS, behind one small interface: System.
//
//	systems := storage.NewSystems(hadoop)         // connects to nothing yet
//	system, name, err := systems.Of("hdfs://nn:8020/models/a.vec")
//	err = system.Write(name, true, func(w io.Writer) error { … })
//
// What always holds:
//
//   - A file that Write made is there whole or not at all: it is written under a temporary, hidden name and renamed.
//   - Errors are written for the user: they name the path, the host and what to change, with a code of package frame (BadInput: no
//     retry would help). errors.Is finds fs.ErrNotExist, fs.ErrPermission and fs.ErrExist in them.
//   - A connection to HDFS that breaks, a NameNode that hands over to another, and a DataNode that dies are got over, by reading on or
//     writing again, for as long as patience says.
//
// HDFS is reached by its own protocol (github.com/colinmarc/hdfs, which only this package knows), with the settings of Hadoop's own
// configuration: several NameNodes (HA), Kerberos, and protection of the data's transfer. Encryption zones and erasure coding are not spoken.
package storage

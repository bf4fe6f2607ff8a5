package control

import "deepdist/psserver/cursor"

// moveTo ends partition 0 at so many records.
func moveTo(records uint64) cursor.Move { return cursor.Move{To: records, Last: true} }

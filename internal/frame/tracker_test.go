package frame

import "testing"

func TestATrackerKnowsWhereFramesEnd(t *testing.T) {
	stream := append(append(raw(OK, noBundle, `{"a":1}`), raw(OK, noBundle, "")...), raw(Event, noBundle, "x")...)
	ends := map[int]bool{HeaderSize + 7: true, 2*HeaderSize + 7: true, 3*HeaderSize + 8: true}
	for step := 1; step <= len(stream); step++ {
		var tracker Tracker
		for at := 0; at < len(stream); at += step {
			to := min(at+step, len(stream))
			tracker.follow(stream[at:to])
			if tracker.Inside() == ends[to] {
				t.Errorf("after %d bytes in steps of %d: inside is %v", to, step, tracker.Inside())
			}
		}
	}
}

package pages

import "testing"

const megabyte = 1 << 20

func kept(s *Spare) (bytes []int) {
	for _, p := range s.kept {
		bytes = append(bytes, len(p.memory))
	}
	return bytes
}

func TestSpareLendsAgainWhatFitsBest(t *testing.T) {
	var s Spare
	s.Open()
	defer s.Close()
	large, giveLarge := s.Take(9 * megabyte)
	medium, giveMedium := s.Take(5 * megabyte)
	giveLarge()
	giveMedium()
	again, giveAgain := s.Take(4 * megabyte)
	if &again[0] != &medium[0] || len(again) != 4*megabyte || cap(again) != 4*megabyte {
		t.Errorf("%d bytes of room for %d, not those of the medium piece", len(again), cap(again))
	}
	other, giveOther := s.Take(4 * megabyte)
	if &other[0] != &large[0] {
		t.Error("not the large piece, which is all there is")
	}
	giveAgain()
	giveOther()
	if got := kept(&s); len(got) != 2 {
		t.Errorf("keeps %d", got)
	}
}

func TestSpareFreesWhatIsTooSmallForALargerOne(t *testing.T) {
	var s Spare
	s.Open()
	defer s.Close()
	for size := 3 * megabyte; size < 40*megabyte; size *= 2 {
		memory, giveBack := s.Take(size)
		if len(memory) != size {
			t.Fatalf("%d bytes, not %d", len(memory), size)
		}
		giveBack()
		if got := kept(&s); len(got) != 1 || got[0] != size {
			t.Fatalf("after %d it keeps %d", size, got)
		}
	}
}

func TestSpareFreesAllThatIsTooSmallAtOnce(t *testing.T) {
	var s Spare
	s.Open()
	defer s.Close()
	var back []func()
	for range 5 {
		_, giveBack := s.Take(3 * megabyte)
		back = append(back, giveBack)
	}
	for _, giveBack := range back {
		giveBack()
	}
	_, giveBack := s.Take(4 * megabyte)
	giveBack()
	if got := kept(&s); len(got) != 1 || got[0] != 4*megabyte {
		t.Errorf("keeps %d", got)
	}
}

func TestSpareKeepsNothingWhileClosedAndNothingSmall(t *testing.T) {
	var s Spare
	_, giveBack := s.Take(3 * megabyte)
	giveBack()
	if got := kept(&s); got != nil {
		t.Errorf("before it was opened it keeps %d", got)
	}
	s.Open()
	_, giveSmall := s.Take(1000)
	giveSmall()
	_, giveLarge := s.Take(3 * megabyte)
	_, giveLate := s.Take(3 * megabyte)
	giveLarge()
	if got := kept(&s); len(got) != 1 {
		t.Errorf("keeps %d", got)
	}
	s.Close()
	giveLate()
	if got := kept(&s); got != nil {
		t.Errorf("after it was closed it keeps %d", got)
	}
}

func TestSparePreparesWhatIsTakenNext(t *testing.T) {
	var s Spare
	s.Prepare(5 * megabyte)
	if len(kept(&s)) != 0 {
		t.Error("kept although it is closed")
	}
	s.Open()
	defer s.Close()
	s.Prepare(3*megabyte, 5*megabyte)
	if got := kept(&s); len(got) != 2 || got[0]+got[1] != 8*megabyte {
		t.Fatalf("%v are kept", got)
	}
	before := resident(t)
	memory, giveBack := s.Take(4 * megabyte)
	for i := range memory {
		memory[i] = 1
	}
	if after := resident(t); after > before+megabyte || len(kept(&s)) != 1 {
		t.Errorf("%d bytes before they are written, %d after; %v are kept", before, after, kept(&s))
	}
	giveBack()
}

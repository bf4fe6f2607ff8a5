package session

import (
	"math"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestASpeedIsThatOfTheLastSeconds(t *testing.T) {
	var m meter
	at := time.Unix(1000, 0)
	total := uint64(0)
	for range 60 { // 100 a second for a minute
		m.add(at, total)
		at, total = at.Add(time.Second), total+100
	}
	for range 30 { // then 500
		m.add(at, total)
		at, total = at.Add(time.Second), total+500
	}
	if v := m.perSecond(at); math.Abs(v-500) > 1 {
		t.Errorf("%v a second", v)
	}
	if v := m.perSecond(at.Add(window + time.Second)); v != 0 {
		t.Errorf("long after the last point: %v a second", v)
	}
	m.add(at, 3)
	if v := m.perSecond(at); v != 0 {
		t.Errorf("a total that begins anew: %v a second", v)
	}
	for i := range 100_000 {
		m.add(at.Add(time.Duration(i)*time.Millisecond/10), uint64(i))
	}
	if len(m.at) > 300 {
		t.Errorf("%d points are kept of a burst", len(m.at))
	}
}

func TestLossesWeighAsManyPairsAsTheyHave(t *testing.T) {
	var l recentLoss
	if l.mean() != 0 {
		t.Error("no loss yet")
	}
	l.add(30, 10)
	l.add(0, 0)
	if math.Abs(l.mean()-3) > 1e-12 {
		t.Errorf("mean %v", l.mean())
	}
	for range 200 {
		l.add(100, 100)
	}
	if math.Abs(l.mean()-1) > 1e-6 {
		t.Errorf("the mean has not forgotten: %v", l.mean())
	}
	var a average
	a.add(5)
	if a.value != 5 {
		t.Error("an average begins with its first value")
	}
}

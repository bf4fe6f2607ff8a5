package session

import "time"

// window is how far back a speed looks.
const window = 10 * time.Second

// meter turns a growing total into a speed over the last seconds.
type meter struct {
	at    []time.Time
	total []uint64
}

func (m *meter) add(now time.Time, total uint64) {
	if n := len(m.total); n > 0 && total < m.total[n-1] {
		*m = meter{} // a new training counts from 0 again
	}
	m.at, m.total = append(m.at, now), append(m.total, total)
	// One point older than the window is kept: it is where the window's first step begins. A burst of points is thinned.
	drop := 0
	for drop+2 < len(m.at) && now.Sub(m.at[drop+1]) > window {
		drop++
	}
	m.at, m.total = m.at[drop:], m.total[drop:]
	if n := len(m.at); n > 2 && m.at[n-1].Sub(m.at[n-3]) < window/100 {
		m.at = append(m.at[:n-2], m.at[n-1])
		m.total = append(m.total[:n-2], m.total[n-1])
	}
}

// perSecond is the speed; 0 when nothing has come in for a window.
func (m *meter) perSecond(now time.Time) float64 {
	n := len(m.at)
	if n < 2 || now.Sub(m.at[n-1]) > window {
		return 0
	}
	seconds := m.at[n-1].Sub(m.at[0]).Seconds()
	if seconds <= 0 {
		return 0
	}
	return float64(m.total[n-1]-m.total[0]) / seconds
}

// average is a mean that forgets: the last ten or so values count.
type average struct {
	value float64
	any   bool
}

func (a *average) add(x float64) {
	if !a.any {
		a.value, a.any = x, true
		return
	}
	a.value += 0.1 * (x - a.value)
}

// recentLoss is the mean loss of the last pushes, each weighing as many pairs as it had.
type recentLoss struct {
	sum, pairs float64
}

func (l *recentLoss) add(sum float64, pairs uint64) {
	const keep = 0.9
	l.sum, l.pairs = keep*l.sum+sum, keep*l.pairs+float64(pairs)
}

func (l *recentLoss) mean() float64 { return ratio(l.sum, l.pairs) }

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

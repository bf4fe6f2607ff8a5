package vec

// Gather adds rows up: sum[i] += scale · Σ_m in[ins[m]+i]. The rows are as long as sum, a multiple of 16. The row at next may be prefetched, so it must be
// a valid offset too. The offsets are not checked: the caller has.
func Gather(sum, in []float32, ins []int, scale float32, next int) {
	for rows := piece/len(sum) + 1; len(ins) > rows; ins = ins[rows:] {
		chosen.gather(sum, in, ins[:rows], scale, next)
	}
	if len(ins) > 0 {
		chosen.gather(sum, in, ins, scale, next)
	}
}

// Spread gives rows what a vector has gained: in[ins[m]+i] += scale · (after[i] − before[i]), once for every time that a row is listed. It walks as
// Gather does.
func Spread(in []float32, ins []int, after, before []float32, scale float32) {
	sameLength(len(after), len(before))
	for rows := piece/len(after) + 1; len(ins) > rows; ins = ins[rows:] {
		chosen.spread(in, ins[:rows], after, before, scale)
	}
	if len(ins) > 0 {
		chosen.spread(in, ins, after, before, scale)
	}
}

func gatherGeneric(sum, in []float32, ins []int, scale float32, _ int) {
	for i := 0; i < len(sum); i += 16 {
		var rows [16]float32
		for _, a := range ins {
			u := (*[16]float32)(in[a+i:])
			for k := range rows {
				rows[k] += u[k]
			}
		}
		s := (*[16]float32)(sum[i:])
		for k := range rows {
			s[k] += scale * rows[k]
		}
	}
}

func spreadGeneric(in []float32, ins []int, after, before []float32, scale float32) {
	for i := 0; i < len(after); i += 16 {
		x, y := (*[16]float32)(after[i:]), (*[16]float32)(before[i:])
		var gain [16]float32
		for k := range gain {
			gain[k] = scale * (x[k] - y[k])
		}
		for _, a := range ins {
			u := (*[16]float32)(in[a+i:])
			for k := range u {
				u[k] += gain[k]
			}
		}
	}
}

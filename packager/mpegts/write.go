package mpegts

// write appends the planned packets.
func (p *plan) write(w *writer) {
	pat := appendPAT(make([]byte, 0, payloadSize))
	pmt := p.segment.appendPMT(make([]byte, 0, payloadSize))
	clock := p.segment.clockLane()
	var start int64
	if len(p.units) > 0 {
		start = p.units[0].at
	}
	written := 0
	tables := func(until int64) {
		for ; written < p.tables && start+int64(written)*(p.end-start)/int64(p.tables) <= until; written++ {
			w.table(laneTables, pat)
			w.table(laneProgram, pmt)
		}
	}
	fills := func(from int64, n int) {
		for i := range n {
			at := from + int64(i+1)*pcrInterval
			tables(at)
			w.pcr(clock, at)
		}
	}
	for i := range p.units {
		u := &p.units[i]
		fills(u.fill, u.before)
		tables(u.at)
		p.writeUnit(w, u)
	}
	fills(p.fill, p.tail)
	tables(maxTime)
}

func (p *plan) writeUnit(w *writer, u *unit) {
	var room [dtsHeader]byte
	w.begin(u)
	switch u.lane {
	case laneVideo:
		w.put(u.appendPES(room[:0], idVideo))
		for i := u.from; i < u.to; i++ {
			p.pictures.put(w, &p.video[i], u.sets)
		}
	case laneSound:
		w.put(u.appendPES(room[:0], formOf(p.segment.Sound.Track.Codec).id))
		for i := u.from; i < u.to; i++ {
			p.sounds.put(w, &p.sound[i])
		}
	default:
		w.put(u.appendPES(room[:0], idPrivate))
		w.put(u.tag)
	}
}

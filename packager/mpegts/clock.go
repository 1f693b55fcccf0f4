package mpegts

// planClock says where PCRs are, and so how many packets each unit takes. They stand
// in the packets of the lane that has them, at the beginning of a unit and, where the
// next is too far off, within; and, where that isn't enough, in packets of their own.
func (p *plan) planClock() {
	lane := p.segment.clockLane()
	fills := maxFills
	last := int64(0)
	for i := range p.units {
		u := &p.units[i]
		if i == 0 {
			last = u.at
		}
		u.fill, u.before = last, min(gaps(last, u.at), fills)
		fills -= u.before
		if u.before > 0 {
			last += int64(u.before) * pcrInterval
		}
		if u.lane != lane {
			u.packets = packetsOf(u.size, 0)
			continue
		}
		next := p.end
		for _, n := range p.units[i+1:] {
			if n.lane == lane {
				next = n.at
				break
			}
		}
		if u.clocked = i == 0 || u.sync || next-last > pcrInterval; u.clocked {
			last = u.at
		}
		u.base, u.span = last, next-last
		last = u.spread(next, last)
	}
	p.fill, p.tail = last, 0
	if len(p.units) > 0 {
		p.tail = min(gaps(last, p.end), fills)
	}
}

// gaps is how many PCRs are missing between two times.
func gaps(last, at int64) int {
	if at-last <= pcrInterval {
		return 0
	}
	return int(min((at-last-1)/pcrInterval, maxFills))
}

// spread puts PCRs into the unit's packets, if there are enough of them and what other
// lanes have in the meantime won't come too late; it returns the last one's time.
func (u *unit) spread(next, last int64) int64 {
	first := 0
	if u.clocked {
		first = 1
	}
	more := gaps(last, next)
	u.packets = packetsOf(u.size, first+more)
	if more == 0 || u.span > pcrLead || u.packets <= more {
		u.packets = packetsOf(u.size, first)
		return last
	}
	u.more = more
	return u.base + int64(more)*u.span/int64(more+1)
}

// packetsOf is how many packets a unit takes, so many of which have a PCR.
func packetsOf(size, clocked int) int {
	return (size + clocked*pcrField + payloadSize - 1) / payloadSize
}

// planTables says how often the tables are there.
func (p *plan) planTables() {
	p.tables = cycle
	if len(p.units) == 0 {
		return
	}
	if span := p.end - p.units[0].at; span > cycle*tableInterval {
		rounds := (span-1)/(cycle*tableInterval) + 1
		p.tables = int(min(rounds*cycle, maxTables))
	}
}

// pad stretches the last units of a lane over more packets than they need, so that the
// lane has a whole number of cycles.
func (p *plan) pad(l lane) {
	n := 0
	for i := range p.units {
		if p.units[i].lane == l {
			n += p.units[i].packets
		}
	}
	missing := (cycle - n%cycle) % cycle
	// PES headers stay in one piece where they can: there are parsers that want it.
	for _, whole := range [...]int{dtsHeader + 1, 1} {
		for i := len(p.units) - 1; i >= 0 && missing > 0; i-- {
			u := &p.units[i]
			if u.lane != l {
				continue
			}
			more := min(max(u.size-whole-(u.packets-1), 0), missing)
			u.packets += more
			missing -= more
		}
	}
}

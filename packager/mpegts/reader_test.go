package mpegts_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/asticode/go-astits"
	"github.com/stretchr/testify/require"
)

// seen is what go-astits reads of a segment.
type seen struct {
	packets  map[uint16]int // that have a payload, by PID
	counters map[uint16]int // the last one, by PID
	first    map[uint16]int // and the first
	pcrs     []int64
	pcrPID   uint16
	tables   []int64 // the PCR before each program map
	pes      map[uint16][]*astits.PESData
	pmt      *astits.PMTData
}

const day = 1 << 33

// since is a difference of two times of 33 bits.
func since(a, b int64) int64 {
	d := (a - b) & (day - 1)
	if d >= day/2 {
		d -= day
	}
	return d
}

// read takes a segment apart, and checks what every one keeps to. Counters go on from
// those of before, if they are given.
func read(t *testing.T, b []byte, before *seen) *seen {
	t.Helper()
	s := &seen{packets: map[uint16]int{}, counters: map[uint16]int{}, first: map[uint16]int{}, pes: map[uint16][]*astits.PESData{}}
	require.Zero(t, len(b)%188)
	s.readData(t, b)
	s.readPackets(t, b)
	for pid, n := range s.packets {
		require.Zero(t, n%16, "packets of PID %#x", pid)
		require.Zero(t, s.first[pid], "first counter of PID %#x", pid)
		require.Equal(t, 15, s.counters[pid], "last counter of PID %#x", pid)
	}
	require.NotEmpty(t, s.pcrs)
	for i := 1; i < len(s.pcrs); i++ {
		d := since(s.pcrs[i], s.pcrs[i-1])
		require.Greater(t, d, int64(0), "PCR %d", i)
		require.Less(t, d, int64(40*90), "PCR %d", i)
	}
	if before != nil {
		d := since(s.pcrs[0], before.pcrs[len(before.pcrs)-1])
		require.Greater(t, d, int64(0), "PCRs of two segments")
		require.Less(t, d, int64(40*90), "PCRs of two segments")
	}
	return s
}

func (s *seen) readPackets(t *testing.T, b []byte) {
	t.Helper()
	d := astits.NewDemuxer(context.Background(), bytes.NewReader(b))
	last := map[uint16]int64{} // decode time
	for i := 0; ; i++ {
		p, err := d.NextPacket()
		if errors.Is(err, astits.ErrNoMorePackets) {
			return
		}
		require.NoError(t, err)
		pid, counter := p.Header.PID, int(p.Header.ContinuityCounter)
		switch i {
		case 0:
			require.EqualValues(t, 0, pid, "the first packet is the PAT")
		case 1:
			require.EqualValues(t, 0x1000, pid, "the second packet is the PMT")
		case 2:
			require.Equal(t, s.pcrPID, pid)
			require.True(t, p.AdaptationField != nil && p.AdaptationField.HasPCR && p.AdaptationField.RandomAccessIndicator)
		}
		require.False(t, p.Header.TransportErrorIndicator)
		if p.AdaptationField != nil {
			require.False(t, p.AdaptationField.DiscontinuityIndicator)
			if p.AdaptationField.HasPCR {
				require.Equal(t, s.pcrPID, pid)
				s.pcrs = append(s.pcrs, p.AdaptationField.PCR.Base)
			}
		}
		if !p.Header.HasPayload {
			require.Equal(t, s.counters[pid], counter, "a packet without payload")
			continue
		}
		if s.packets[pid] == 0 {
			s.first[pid] = counter
		} else {
			require.Equal(t, (s.counters[pid]+1)%16, counter, "counter of PID %#x in packet %d", pid, i)
		}
		s.packets[pid]++
		s.counters[pid] = counter
		if pid == 0x1000 && len(s.pcrs) > 0 {
			s.tables = append(s.tables, s.pcrs[len(s.pcrs)-1])
		}
		if p.Header.PayloadUnitStartIndicator && pid != 0 && pid != 0x1000 {
			s.checkTimes(t, p.Payload, last, pid)
		}
	}
}

// checkTimes looks at a PES header, in its first packet: nothing is decoded before it has
// arrived, shown before it is decoded, or decoded before what came before it.
func (s *seen) checkTimes(t *testing.T, payload []byte, last map[uint16]int64, pid uint16) {
	t.Helper()
	require.GreaterOrEqual(t, len(payload), 19, "the PES header is in one packet")
	stamp := func(b []byte) int64 {
		return int64(b[0]&0x0E)<<29 | int64(b[1])<<22 | int64(b[2]&0xFE)<<14 | int64(b[3])<<7 | int64(b[4])>>1
	}
	pts := stamp(payload[9:])
	dts := pts
	if payload[7]&0x40 != 0 {
		dts = stamp(payload[14:])
	}
	require.GreaterOrEqual(t, since(pts, dts), int64(0))
	if pid != 0x102 { // an event may be late
		require.GreaterOrEqual(t, since(dts, s.pcrs[len(s.pcrs)-1]), int64(0), "it has arrived when it's decoded")
		if before, ok := last[pid]; ok {
			require.Greater(t, since(dts, before), int64(0), "decode times of PID %#x rise", pid)
		}
	}
	last[pid] = dts
}

func (s *seen) readData(t *testing.T, b []byte) {
	t.Helper()
	d := astits.NewDemuxer(context.Background(), bytes.NewReader(b))
	for {
		data, err := d.NextData()
		if errors.Is(err, astits.ErrNoMorePackets) {
			break
		}
		require.NoError(t, err)
		switch {
		case data.PAT != nil:
			require.Len(t, data.PAT.Programs, 1)
			require.EqualValues(t, 0x1000, data.PAT.Programs[0].ProgramMapID)
		case data.PMT != nil:
			if s.pmt != nil {
				require.Equal(t, s.pmt, data.PMT, "the map doesn't change")
			}
			s.pmt, s.pcrPID = data.PMT, data.PMT.PCRPID
		case data.PES != nil:
			s.pes[data.PID] = append(s.pes[data.PID], data.PES)
		}
	}
	require.NotNil(t, s.pmt)
}

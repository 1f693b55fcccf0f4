package web

import (
	"net"
	"net/netip"
	"sync"
)

// crowd counts what each address holds at once. In IPv6 a network (/64) is one
// address. Those of this machine are let in without end: that is where proxies are.
type crowd struct {
	limit int // of one address; 0 is none

	mu   sync.Mutex
	held map[netip.Addr]int
}

func newCrowd(limit int) *crowd { return &crowd{limit: limit, held: map[netip.Addr]int{}} }

// enter counts one more of an address, or reports that there are too many.
func (c *crowd) enter(a netip.Addr) bool {
	if c.limit <= 0 || a.IsLoopback() {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held[a] >= c.limit {
		return false
	}
	c.held[a]++
	return true
}

// leave takes back what enter let in.
func (c *crowd) leave(a netip.Addr) {
	if c.limit <= 0 || a.IsLoopback() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held[a]--; c.held[a] <= 0 {
		delete(c.held, a)
	}
}

// sourceOf returns what counts as a peer's address; the zero Addr, of all who have none
// (a socket of this machine's files, a pipe), counts as one.
func sourceOf(a net.Addr) netip.Addr {
	var from netip.Addr
	switch a := a.(type) {
	case *net.TCPAddr:
		from = a.AddrPort().Addr()
	case *net.UDPAddr:
		from = a.AddrPort().Addr()
	}
	from = from.Unmap().WithZone("")
	if from.Is6() && !from.IsLoopback() {
		network, _ := from.Prefix(64) // of an address of 128 bits
		from = network.Addr()
	}
	return from
}

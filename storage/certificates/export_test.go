package certificates

import "time"

// Renew makes a Set look for certificates to renew so often, and renew with this
// share of their life left.
func (s *Set) Renew(every time.Duration, window float64) {
	s.acme.renewEvery, s.acme.window = every, window
}

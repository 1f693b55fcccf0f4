//go:build !race

package gateway

import "time"

// day is how long a long stream is.
const day = 24 * time.Hour

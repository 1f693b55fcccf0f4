//go:build race

package gateway

import "time"

// day is shorter under the race detector, which takes six times as long.
const day = 3 * time.Hour

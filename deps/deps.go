// Package deps keeps modules in go.mod that parts in the making use.
package deps

import (
	_ "github.com/caddyserver/certmagic"
	_ "github.com/fsnotify/fsnotify"
	_ "golang.org/x/time/rate"
)

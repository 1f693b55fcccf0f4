// Package deps keeps modules in go.mod that parts in the making use.
package deps

import (
	_ "github.com/caddyserver/certmagic"
	_ "github.com/fsnotify/fsnotify"
	_ "github.com/golang-jwt/jwt/v5"
	_ "golang.org/x/time/rate"
)

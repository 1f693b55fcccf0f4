package durable

import "errors"

// ErrLocked says that another process, or another Lock of this one, has the file.
var ErrLocked = errors.New("locked by another process")

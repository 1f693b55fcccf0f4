package objects

import "fmt"

// SizeError says that an object is larger than whoever reads it can use.
type SizeError struct {
	Key         Key
	Size, Limit int64
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("object %s: %d bytes are more than %d", e.Key, e.Size, e.Limit)
}

// ReadError says that an object that was opened could not be read.
type ReadError struct {
	Key Key
	Err error
}

func (e *ReadError) Error() string { return fmt.Sprintf("read object %s: %v", e.Key, e.Err) }

// Unwrap returns the cause.
func (e *ReadError) Unwrap() error { return e.Err }

package main

import (
	"context"
	"errors"
)

func benchGlass(ctx context.Context, b *bench) error { return errors.New("not written") }

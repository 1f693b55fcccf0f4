// Package rung says what a ladder is and what it makes of a source.
//
// A Spec is what somebody asked for: `auto`, `source`, or a list of rungs, from
// the command line (Parse) or from the configuration's YAML. Plan compares it
// with a source's Shape and with an Offer, which is what the machine can
// encode, and returns which pictures are to be made: their sizes, frame rates
// and bitrates. Plan is a pure function; the same arguments give the same plan.
//
// Heights name the short side of a picture. A 1080x1920 source's 720p is
// 720x1280, not 406x720: what a phone held upright sends is offered in the
// qualities that its owner would get by turning it.
//
// All functions may be called by any number of goroutines at once. Limits are
// in limits.go.
package rung

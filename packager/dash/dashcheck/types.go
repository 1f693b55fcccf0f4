package dashcheck

import (
	"errors"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// valueType checks an attribute's value against a type of the schema.
type valueType func(string) error

var errForm = errors.New("not of that form")

func anyText(string) error { return nil }

func oneOf(values ...string) valueType {
	return func(s string) error {
		for _, v := range values {
			if s == v {
				return nil
			}
		}
		return errForm
	}
}

func matching(pattern string) valueType {
	re := regexp.MustCompile("^(?:" + pattern + ")$")
	return func(s string) error {
		if !re.MatchString(s) {
			return errForm
		}
		return nil
	}
}

func unsigned(bits int) valueType {
	return func(s string) error {
		_, err := strconv.ParseUint(s, 10, bits)
		return err
	}
}

var (
	unsignedInt  = unsigned(32)
	unsignedLong = unsigned(64)
	boolean      = oneOf("true", "false") // 1 and 0 are allowed, and some players miss them
	ratio        = matching(`[1-9][0-9]*:[1-9][0-9]*`)
	frameRates   = matching(`[1-9][0-9]*(/[1-9][0-9]*)?`)
	noSpace      = matching(`[^\s]+`)
	language     = matching(`[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*`)
	codecsList   = matching(`[A-Za-z0-9!#$&^_.+-]+(,[A-Za-z0-9!#$&^_.+-]+)*`)
	profileList  = matching(`[^\s,]+(, ?[^\s,]+)*`)
	sapType      = matching(`[0-6]`)
)

func double(s string) error {
	v, err := strconv.ParseFloat(s, 64)
	if err == nil && (math.IsNaN(v) || strings.ContainsAny(s, "xX_")) {
		return errForm
	}
	return err
}

func integer(s string) error {
	_, err := strconv.ParseInt(s, 10, 64)
	return err
}

func anyURI(s string) error {
	if s == "" || strings.ContainsAny(s, " \t\r\n<>\"{}|\\^`") {
		return errForm
	}
	_, err := url.Parse(strings.ReplaceAll(s, "%", "%25"))
	return err
}

func durationText(s string) error {
	_, err := parseDuration(s)
	return err
}

func dateText(s string) error {
	_, err := parseDate(s)
	return err
}

var durationForm = regexp.MustCompile(`^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$`)

// parseDuration reads an xs:duration without years and months, whose length
// nobody knows, and without a sign.
func parseDuration(s string) (time.Duration, error) {
	m := durationForm.FindStringSubmatch(s)
	if m == nil || strings.HasSuffix(s, "T") || s == "P" {
		return 0, errForm
	}
	var d time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute} {
		if m[i+1] != "" {
			n, err := strconv.ParseInt(m[i+1], 10, 32)
			if err != nil {
				return 0, err
			}
			d += time.Duration(n) * unit
		}
	}
	whole, fraction, _ := strings.Cut(m[4], ".")
	if whole != "" {
		n, err := strconv.ParseInt(whole, 10, 64)
		if err != nil || n > math.MaxInt64/int64(2*time.Second) {
			return 0, errForm
		}
		d += time.Duration(n) * time.Second
	}
	if fraction != "" {
		n, err := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
		if err != nil {
			return 0, err
		}
		d += time.Duration(n)
	}
	if d < 0 {
		return 0, errForm
	}
	return d, nil
}

// parseDate reads an xs:dateTime in UTC: without a zone it would mean UTC to the
// standard and local time to browsers.
func parseDate(s string) (time.Time, error) {
	if !strings.HasSuffix(s, "Z") {
		return time.Time{}, errors.New("not in UTC")
	}
	return time.Parse(time.RFC3339Nano, s)
}

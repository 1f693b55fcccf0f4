package web

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/storage/certificates"
)

func TestListCertificates(t *testing.T) {
	const day = 24 * time.Hour
	year := func(left time.Duration, problem string, o certificates.Origin, names ...string) certificates.Status {
		return certificates.Status{Names: names, Origin: o, NotBefore: start.Add(left - 365*day), NotAfter: start.Add(left), Problem: problem}
	}
	all := []certificates.Status{
		year(200*day, "", certificates.OriginFile, "a.example", "*.a.example"),
		year(20*day, "open /etc/key.pem: no such file", certificates.OriginFile, "b.example"),
		year(-day, "", certificates.OriginFile, "c.example"),
		{Names: []string{"d.example"}, Origin: certificates.OriginACME, Problem: "refused"},
		year(30*time.Hour, "disk full", certificates.OriginLocal, "localhost"),
	}
	all[0].Default = true
	g := newGateway(t, func(o *Options) {
		o.Now = func() time.Time { return start }
		o.Certificates = func() []certificates.Status { return all }
	})
	w := g.get("/api/v1/certificates")
	require.Equal(t, 200, w.Code)
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.NotContains(t, w.Body.String(), "/etc", "no file is named")
	var list struct{ Certificates []certificateStatus }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &list))
	require.Len(t, list.Certificates, len(all))
	var states []string
	var advice [][]string
	for _, c := range list.Certificates {
		states = append(states, c.State)
		advice = append(advice, c.Advice)
	}
	require.Equal(t, []string{"valid", "expiring", "expired", "missing", "expiring"}, states)
	require.Equal(t, [][]string{
		{},
		{"It expires in 20 days: see to its renewal.", "Its files changed and can't be used: the log says why."},
		{"It has expired: encoders and browsers refuse it."},
		{"The CA doesn't issue it: the log says why."},
		{"It expires in 30 hours: see to its renewal.", "It can't be renewed: the log says why."},
	}, advice)
	require.True(t, list.Certificates[0].Default)
	require.Nil(t, list.Certificates[3].NotAfter)
	require.Equal(t, "2026-03-21T12:00:00.000Z", *list.Certificates[1].NotAfter)

	page := g.get("/").Body.String()
	require.Contains(t, page, `<p class="warning">Certificate of b.example: It expires in 20 days: see to its renewal.</p>`)
	require.NotContains(t, page, "Certificate of a.example")

	require.JSONEq(t, `{"certificates": []}`, newGateway(t).get("/api/v1/certificates").Body.String())
}

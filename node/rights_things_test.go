package node

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/gateway/admin"
	"rhizome/gateway/admin/api"
	"rhizome/model/hook"
	"rhizome/model/object"
)

// TestOthersThings: who runs a node without being an administrator changes no site, policy, hold or
// webhook of somebody else; the owner and an administrator do.
func TestOthersThings(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a := h.up("lyon")
	i, err := a.Invite(t.Context(), api.NewInvitation{Uses: 1, Seconds: 3600, Operator: "Marie"})
	if err != nil {
		t.Fatal(err)
	}
	b := h.up("brest", func(c *Config) { c.Join = i.Text })
	h.settled(2)
	admins := map[*home]http.Handler{}
	for _, x := range []*home{a, b} {
		admins[x] = admin.New(admin.Config{Keys: x.accounts, Buckets: x.objects, Objects: x.objects, Locator: x.Node, Host: x.Node, Cluster: x.Node, Sites: x.sites,
			Owns: x.mayOwn, OwnsKey: x.mayUse, Replication: x.replication(), Documents: documents{x.accounts}, Webhooks: x.hooks, WebhookState: x.webhookState, OwnsWebhook: x.ownsWebhook, Clock: clock.System{}, Logger: quiet}).Handler()
	}
	ask := func(x *home, method, target, body string, status int) {
		t.Helper()
		r := httptest.NewRequest(method, "http://rhizome"+target, strings.NewReader(body))
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		w := httptest.NewRecorder()
		admins[x].ServeHTTP(w, r)
		if ok := w.Code/100 == 2; status == 0 && !ok || status != 0 && w.Code != status {
			t.Errorf("%s %s at %s: %d %s", method, target, x.config.Home, w.Code, w.Body)
		}
	}
	key := a.key(t)
	a.wants(t, key, 200, "PUT", "/garden", nil)
	bucket, err := a.objects.Bucket(t.Context(), "garden", key)
	if err == nil {
		bucket, err = a.objects.SetVersioning(t.Context(), bucket, object.VersioningOn)
	}
	if err == nil {
		_, err = a.objects.SetLock(t.Context(), bucket, object.BucketLock{On: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	a.wants(t, key, 200, "PUT", "/garden/k", []byte("text"))
	ask(a, "POST", "/v1/sites", `{"bucket":"garden","name":"www.example.org"}`, 0)
	ask(a, "POST", "/v1/webhooks", `{"name":"album","url":"http://127.0.0.1:1/"}`, 0)
	const rule = `{"id":"r","webhook":"album","events":["s3:ObjectCreated:*"]}`
	const policy = `{"text":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::garden/x\"}]}"}`
	changes := [][3]string{
		{"PUT", "/v1/sites/www.example.org", `{"listing":true}`},
		{"POST", "/v1/sites/www.example.org/names", `{"name":"more.example.org"}`},
		{"POST", "/v1/sites/www.example.org/rollback", `{"plain":true}`},
		{"POST", "/v1/sites/www.example.org/deployments", `{"files":[]}`},
		{"DELETE", "/v1/sites/www.example.org/names?name=more.example.org", ""},
		{"PUT", "/v1/buckets/garden/policy", policy},
		{"PUT", "/v1/buckets/garden/hold", `{"key":"k","on":false}`},
		{"PUT", "/v1/buckets/garden/retention", `{"key":"k","mode":"","bypass":true}`},
		{"DELETE", "/v1/buckets/garden/policy", ""},
		{"PUT", "/v1/buckets/garden/notify", rule},
		{"GET", "/v1/webhooks/album?secret=true", ""},
		{"DELETE", "/v1/webhooks/album", ""},
		{"PUT", "/v1/buckets/garden/versioning", `{"versioning":"on"}`},
		{"PUT", "/v1/buckets/garden/quota", `{"objects":9}`},
		{"PUT", "/v1/buckets/garden/cors", `{"text":"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>"}`},
		{"DELETE", "/v1/buckets/garden/cors", ""},
		{"PUT", "/v1/buckets/garden/lifecycle", `{"abort_days":7}`},
		{"POST", "/v1/buckets/garden/undelete", `{"key":"k"}`},
		{"POST", "/v1/buckets/garden/restore", `{"prefix":true,"at":"2020-01-01T00:00:00Z","dry":true}`},
		{"POST", "/v1/buckets/garden/aliases", `{"name":"orchard"}`},
		{"POST", "/v1/buckets/garden/access", `{"access_key_id":"KEY","allow":true,"owner":true,"read":true,"write":true}`},
		{"POST", "/v1/buckets", `{"name":"lake","key":"KEY"}`},
		{"POST", "/v1/share", `{"bucket":"garden","object":"k","seconds":60}`},
		{"GET", "/v1/keys/KEY?secret=true", ""},
		{"PUT", "/v1/keys/KEY", `{"rate":100}`},
		{"DELETE", "/v1/sites/www.example.org", ""},
		{"PUT", "/v1/remotes/offsite", `{"rate":5}`},
		{"DELETE", "/v1/remotes/offsite", ""},
		{"DELETE", "/v1/buckets/pond", ""},
		{"DELETE", "/v1/keys/KEY", ""},
	}
	for i := range changes {
		changes[i][1], changes[i][2] = strings.ReplaceAll(changes[i][1], "KEY", key.ID), strings.ReplaceAll(changes[i][2], "KEY", key.ID)
	}
	ask(a, "POST", "/v1/remotes", `{"name":"offsite","endpoint":"http://127.0.0.1:1","key":"x","secret":"y"}`, 0)
	ask(a, "POST", "/v1/buckets", `{"name":"pond","key":"`+key.ID+`"}`, 0)
	for _, c := range changes {
		ask(b, c[0], c[1], c[2], http.StatusForbidden)
	}
	ask(b, "POST", "/v1/sites", `{"bucket":"garden"}`, http.StatusForbidden)
	ask(b, "GET", "/v1/webhooks/album", "", 0)
	marie := b.Facts().Member
	bucket, err = b.objects.Bucket(t.Context(), "garden", key)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.mayOwn(t.Context(), bucket); !errors.Is(err, errs.Denied) {
		t.Error("Marie owns the bucket:", err)
	}
	hers, err := a.accounts.CreateKey(t.Context(), "hers", marie, true)
	if err != nil {
		t.Fatal(err)
	}
	shared := *bucket
	shared.Grants = map[string]object.Access{hers.ID: {Write: true}}
	if err := b.mayWrite(t.Context(), &shared); err != nil || b.mayOwn(t.Context(), &shared) == nil || b.mayWrite(t.Context(), bucket) == nil {
		t.Error("Marie writes what one of her keys may write, and nothing else:", err)
	}
	if shared.Settings.Policy = new(object.Policy); b.mayWrite(t.Context(), &shared) == nil {
		t.Error("a policy may say otherwise")
	}
	theirs := *key
	theirs.Member = marie
	if err := b.hasWebhook(t.Context(), "album", &theirs); !errors.Is(err, hook.ErrUnknown) {
		t.Error("a bucket of Marie may name another's webhook:", err)
	}
	if err := b.hasWebhook(t.Context(), "album", key); err != nil {
		t.Error("a bucket of its owner:", err)
	}
	ask(b, "POST", "/v1/webhooks", `{"name":"hers","url":"http://127.0.0.1:1/"}`, 0)
	if err := b.hasWebhook(t.Context(), "hers", &theirs); err != nil {
		t.Error("a bucket of Marie may not name her webhook:", err)
	}
	if err := b.hasWebhook(t.Context(), "hers", key); err != nil {
		t.Error("a bucket of an administrator:", err)
	}
	ask(b, "GET", "/v1/webhooks/hers?secret=true", "", 0)
	// A bucket is not held fast by reports that only somebody else may stop.
	b.wants(t, hers, 200, "PUT", "/diary", nil)
	b.wants(t, hers, 204, "PUT", "/diary?policy", []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"logging.s3.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::diary/*"}]}`))
	a.wants(t, key, 200, "PUT", "/garden?logging", []byte(`<BucketLoggingStatus><LoggingEnabled><TargetBucket>diary</TargetBucket><TargetPrefix>log/</TargetPrefix></LoggingEnabled></BucketLoggingStatus>`))
	ask(a, "DELETE", "/v1/buckets/diary", "", http.StatusPreconditionFailed)
	ask(b, "DELETE", "/v1/buckets/diary", "", 0)
	for _, c := range changes {
		ask(a, c[0], c[1], c[2], 0)
	}
	ask(b, "DELETE", "/v1/webhooks/hers", "", 0)
	// A rule that outlives its webhook tells no webhook of another member that takes the name.
	if key, err = a.accounts.CreateKey(t.Context(), "another", a.Facts().Member, true); err != nil {
		t.Fatal(err)
	}
	a.wants(t, key, 200, "PUT", "/meadow", nil)
	ask(a, "POST", "/v1/webhooks", `{"name":"gone","url":"http://127.0.0.1:1/"}`, 0)
	ask(a, "PUT", "/v1/buckets/meadow/notify", strings.ReplaceAll(rule, "album", "gone"), 0)
	ask(a, "DELETE", "/v1/webhooks/gone", "", 0)
	ask(b, "POST", "/v1/webhooks", `{"name":"gone","url":"http://127.0.0.1:1/"}`, http.StatusPreconditionFailed)
	ask(a, "POST", "/v1/webhooks", `{"name":"gone","url":"http://127.0.0.1:1/"}`, 0)
}

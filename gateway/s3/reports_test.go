package s3

import (
	"crypto/tls"
	"reflect"
	"testing"

	"rhizome/model/accesslog"
)

func FuzzLogging(f *testing.F) {
	f.Add("<BucketLoggingStatus><LoggingEnabled><TargetBucket>b</TargetBucket><TargetPrefix>p</TargetPrefix><TargetObjectKeyFormat><PartitionedPrefix>" +
		"<PartitionDateSource>EventTime</PartitionDateSource></PartitionedPrefix></TargetObjectKeyFormat></LoggingEnabled></BucketLoggingStatus>")
	f.Add("<BucketLoggingStatus/>")
	f.Fuzz(func(t *testing.T, text string) {
		root, err := parseXML([]byte(text), loggingRoot)
		if err != nil {
			return
		}
		c, _, err := readLogging(root)
		if err != nil || c == nil {
			return
		}
		d := newDoc(loggingRoot)
		d.begin("LoggingEnabled")
		d.text("TargetBucket", c.To.Name)
		d.text("TargetPrefix", c.To.Prefix)
		d.logFormat(c)
		d.end("LoggingEnabled")
		d.end(loggingRoot)
		again, err := parseXML(d.b, loggingRoot)
		if err != nil {
			t.Fatal(err)
		}
		if back, _, err := readLogging(again); err != nil || !reflect.DeepEqual(back, c) {
			t.Fatalf("%+v is written as %+v, %v", c, back, err)
		}
	})
}

func FuzzInventory(f *testing.F) {
	f.Add("<InventoryConfiguration><Destination><S3BucketDestination><Bucket>arn:aws:s3:::lists</Bucket><Format>CSV</Format></S3BucketDestination></Destination>" +
		"<IsEnabled>true</IsEnabled><Id>i</Id><IncludedObjectVersions>All</IncludedObjectVersions><Schedule><Frequency>Daily</Frequency></Schedule></InventoryConfiguration>")
	f.Fuzz(func(t *testing.T, text string) {
		root, err := parseXML([]byte(text), inventoryRoot)
		if err != nil {
			return
		}
		c, err := readInventory(root)
		if err != nil {
			return
		}
		d := newDoc(inventoryRoot)
		d.inventory(&c)
		d.end(inventoryRoot)
		again, err := parseXML(d.b, inventoryRoot)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := readInventory(again); err != nil || !reflect.DeepEqual(back, c) {
			t.Fatalf("%+v is written as %+v, %v", c, back, err)
		}
	})
}

// TestTLSWords: connections are named as AWS's lines name them.
func TestTLSWords(t *testing.T) {
	for suite, want := range map[uint16]string{
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: "ECDHE-RSA-AES128-GCM-SHA256", tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: "ECDHE-RSA-AES256-SHA",
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305", tls.TLS_RSA_WITH_AES_128_GCM_SHA256: "AES128-GCM-SHA256",
	} {
		v, got := accesslog.TLSWords(&tls.ConnectionState{Version: tls.VersionTLS12, CipherSuite: suite})
		if v != "TLSv1.2" || got != want {
			t.Errorf("%s %s, want %s", v, got, want)
		}
	}
	if v, got := accesslog.TLSWords(&tls.ConnectionState{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256}); v != "TLSv1.3" || got != "TLS_AES_128_GCM_SHA256" {
		t.Error(v, got)
	}
}

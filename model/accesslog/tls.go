package accesslog

import (
	"crypto/tls"
	"strings"
)

// TLSWords returns a connection's version and cipher suite as log lines name them, which is
// OpenSSL's way; both are empty without TLS.
func TLSWords(c *tls.ConnectionState) (version, cipher string) {
	if c == nil {
		return "", ""
	}
	version = strings.Replace(tls.VersionName(c.Version), "TLS ", "TLSv", 1)
	cipher = tls.CipherSuiteName(c.CipherSuite)
	if c.Version >= tls.VersionTLS13 {
		return version, cipher
	}
	cipher = strings.Replace(strings.TrimPrefix(cipher, "TLS_"), "_WITH_", "-", 1)
	for _, width := range []string{"128", "256"} {
		cipher = strings.Replace(cipher, "AES_"+width, "AES"+width, 1)
	}
	cipher = strings.Replace(cipher, "_CBC_", "-", 1)
	if strings.Contains(cipher, "CHACHA20") {
		cipher = strings.TrimSuffix(cipher, "_SHA256")
	}
	cipher = strings.ReplaceAll(cipher, "_", "-")
	if rest, ok := strings.CutPrefix(cipher, "RSA-"); ok { // the key exchange goes without saying
		cipher = rest
	}
	return version, cipher
}

package inventory

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	"rhizome/base/errs"
)

// manifest is S3's manifest.json.
type manifest struct {
	Source      string         `json:"sourceBucket"`
	Destination string         `json:"destinationBucket"`
	Version     string         `json:"version"`
	Created     string         `json:"creationTimestamp"` // Unix milliseconds
	Format      string         `json:"fileFormat"`
	Schema      string         `json:"fileSchema"`
	Files       []manifestFile `json:"files"`
}

type manifestFile struct {
	Key  string `json:"key"`
	Size int64  `json:"size"`
	MD5  string `json:"MD5checksum"`
}

// manifestVersion is that of the form, as S3 has it.
const manifestVersion = "2016-11-30"

// manifest writes what names the files: first for Hive, then the manifest, then its checksum.
// Written again it is the same.
func (s *Store) manifest(ctx context.Context, j *job, r *run) error {
	m := manifest{Source: j.about.Name(), Destination: "arn:aws:s3:::" + j.to.Name(), Version: manifestVersion,
		Created: strconv.FormatInt(r.Began, 10), Format: "CSV", Schema: strings.Join(j.schema(), ", "), Files: []manifestFile{}}
	var links strings.Builder
	for _, f := range r.Files {
		key := j.dataKey(f)
		m.Files = append(m.Files, manifestFile{key, f.Size, hex.EncodeToString(f.MD5)})
		links.WriteString("s3://" + j.to.Name() + "/" + key + "\n")
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return errs.Newf(errs.Internal, "a manifest cannot be written: %w", err)
	}
	sum := md5.Sum(text)
	at, folder := began(r), j.folder()
	dated := folder + at.Format("2006-01-02T15-04Z") + "/"
	for _, o := range []struct{ key, media, text string }{
		{folder + "hive/dt=" + at.Format("2006-01-02-15-04") + "/symlink.txt", "text/plain", links.String()},
		{dated + "manifest.json", "application/json", string(text)},
		{dated + "manifest.checksum", "text/plain", hex.EncodeToString(sum[:])},
	} {
		if _, err := s.put(ctx, j, o.key, o.media, []byte(o.text)); err != nil {
			return err
		}
	}
	return nil
}

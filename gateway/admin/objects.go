package admin

import (
	"net/http"

	"rhizome/gateway/admin/api"
	"rhizome/model/object"
)

func (s *Server) listObjects(r *http.Request) (any, error) {
	b, err := s.findBucket(r)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	page, err := s.Objects.List(r.Context(), b, object.List{
		Prefix: q.Get("prefix"), After: q.Get("after"), Limit: object.MaxListEntries,
	})
	if err != nil {
		return nil, err
	}
	out := api.Objects{Objects: make([]api.Object, 0, len(page.Objects)), More: page.More, Next: page.Next}
	for _, h := range page.Objects {
		out.Objects = append(out.Objects, wireObject(&h))
	}
	return out, nil
}

func (s *Server) statObject(r *http.Request) (any, error) {
	b, err := s.findBucket(r)
	if err != nil {
		return nil, err
	}
	key := r.URL.Query().Get("key")
	o, err := s.Objects.Stat(r.Context(), b, object.Get{Key: key})
	if err != nil {
		return nil, err
	}
	pieces, err := s.Locator.Locate(r.Context(), b, key)
	if err != nil {
		return nil, err
	}
	var names naming
	if s.Cluster != nil {
		if _, names, err = s.nodes(r.Context()); err != nil {
			return nil, err
		}
	}
	pieces = sayPieces(printer(r), names, s.Host.Facts().Home, pieces)
	out := api.Stat{
		Object: wireObject(&o.Head), Bucket: r.PathValue("bucket"), Parts: o.Parts,
		Attrs: wireAttrs(o.Attrs), Tags: wireTags(o.Tags), Inline: len(pieces) == 0, Pieces: pieces, Whole: true,
	}
	for _, p := range pieces {
		out.Whole = out.Whole && p.Healthy
	}
	return out, nil
}

func wireObject(h *object.Head) api.Object {
	return api.Object{Key: h.Key, Size: h.Size, ETag: h.ETag, Modified: h.Modified}
}

func wireTags(tags []object.Tag) (out []api.Tag) {
	for _, t := range tags {
		out = append(out, api.Tag{Key: t.Key, Value: t.Value})
	}
	return out
}

func wireAttrs(a object.Attrs) api.Attrs {
	return api.Attrs{
		ContentType: a.ContentType, CacheControl: a.CacheControl,
		ContentDisposition: a.ContentDisposition, ContentEncoding: a.ContentEncoding,
		ContentLanguage: a.ContentLanguage, Expires: a.Expires,
		WebsiteRedirect: a.WebsiteRedirect, StorageClass: a.StorageClass, Metadata: a.User,
	}
}

func modelAttrs(a api.Attrs) object.Attrs {
	return object.Attrs{
		ContentType: a.ContentType, CacheControl: a.CacheControl,
		ContentDisposition: a.ContentDisposition, ContentEncoding: a.ContentEncoding,
		ContentLanguage: a.ContentLanguage, Expires: a.Expires,
		WebsiteRedirect: a.WebsiteRedirect, StorageClass: a.StorageClass, User: a.Metadata,
	}
}

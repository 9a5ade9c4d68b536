// Package wire is a history.Store over the wire, as its users reach it: with
// aws-sdk-go-v2, and without retries.
package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"rhizome/simtest/history"
)

// S3 is a history.Store. It is safe for concurrent use.
type S3 struct {
	Client *s3.Client
	Bucket string
}

// NewS3 returns a store at an endpoint such as http://host:3900. The HTTP client decides
// where connections come from.
func NewS3(endpoint, keyID, secret, bucket string, client *http.Client) *S3 {
	return &S3{Bucket: bucket, Client: s3.New(s3.Options{
		BaseEndpoint:               aws.String(endpoint),
		Region:                     "rhizome",
		Credentials:                credentials.NewStaticCredentialsProvider(keyID, secret, ""),
		HTTPClient:                 client,
		UsePathStyle:               true,
		Retryer:                    aws.NopRetryer{},
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	})}
}

func (s *S3) Put(ctx context.Context, key string, body []byte, c history.Condition) (string, error) {
	out, err := s.Client.PutObject(ctx, &s3.PutObjectInput{Bucket: &s.Bucket, Key: &key, Body: bytes.NewReader(body),
		IfMatch: match(c), IfNoneMatch: star(c)})
	if err != nil {
		return "", answer(err)
	}
	return bare(out.ETag), nil
}

func (s *S3) Get(ctx context.Context, key string) ([]byte, string, error) {
	out, err := s.Client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.Bucket, Key: &key})
	if err != nil {
		return nil, "", answer(err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	return body, bare(out.ETag), err
}

func (s *S3) Head(ctx context.Context, key string) (string, error) {
	out, err := s.Client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.Bucket, Key: &key})
	if err != nil {
		return "", answer(err)
	}
	return bare(out.ETag), nil
}

func (s *S3) Delete(ctx context.Context, key string) error {
	_, err := s.Client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.Bucket, Key: &key})
	return answer(err)
}

func (s *S3) List(ctx context.Context) (map[string]string, error) {
	found := map[string]string{}
	pages := s3.NewListObjectsV2Paginator(s.Client, &s3.ListObjectsV2Input{Bucket: &s.Bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, answer(err)
		}
		for _, o := range page.Contents {
			found[aws.ToString(o.Key)] = bare(o.ETag)
		}
	}
	return found, nil
}

func (s *S3) Copy(ctx context.Context, from, etag, to string) (string, error) {
	out, err := s.Client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &s.Bucket, Key: &to,
		CopySource: aws.String(s.Bucket + "/" + from), CopySourceIfMatch: match(history.Condition{Match: etag})})
	if err != nil {
		return "", answer(err)
	}
	return bare(out.CopyObjectResult.ETag), nil
}

func (s *S3) Upload(ctx context.Context, key string, parts [][]byte) (history.Complete, error) {
	begun, err := s.Client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &s.Bucket, Key: &key})
	if err != nil {
		return nil, answer(err)
	}
	var sent []types.CompletedPart
	for i, part := range parts {
		number := aws.Int32(int32(i + 1))
		out, err := s.Client.UploadPart(ctx, &s3.UploadPartInput{Bucket: &s.Bucket, Key: &key, UploadId: begun.UploadId,
			PartNumber: number, Body: bytes.NewReader(part)})
		if err != nil {
			return nil, answer(err)
		}
		sent = append(sent, types.CompletedPart{ETag: out.ETag, PartNumber: number})
	}
	return func(ctx context.Context, c history.Condition) (string, error) {
		out, err := s.Client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &s.Bucket, Key: &key,
			UploadId: begun.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: sent},
			IfMatch: match(c), IfNoneMatch: star(c)})
		if err != nil {
			return "", answer(err)
		}
		return bare(out.ETag), nil
	}, nil
}

func match(c history.Condition) *string {
	if c.Match == "" {
		return nil
	}
	return aws.String(`"` + c.Match + `"`)
}

func star(c history.Condition) *string {
	if !c.New {
		return nil
	}
	return aws.String("*")
}

func bare(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }

// answer says what an error tells about the operation.
func answer(err error) error {
	if err == nil {
		return nil
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return fmt.Errorf("%w: %w", history.ErrNoEffect, dial)
	}
	var resp *smithyhttp.ResponseError
	if !errors.As(err, &resp) {
		return err
	}
	code := ""
	var api smithy.APIError
	if errors.As(err, &api) {
		code = api.ErrorCode()
	}
	switch status := resp.HTTPStatusCode(); {
	case status == 0:
		return resp.Err // there was no answer
	case status == 404 && (code == "NoSuchKey" || code == "NotFound"):
		return history.ErrAbsent
	case status == 412:
		return history.ErrMismatch
	case status >= 400 && status < 500:
		return fmt.Errorf("%w: %d %s", history.ErrNoEffect, status, code)
	}
	return fmt.Errorf("%d %s: %w", resp.HTTPStatusCode(), code, resp.Err)
}

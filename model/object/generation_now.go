//go:build !later

package object

func laterBucket(*bucketRecord) byte { return 0 }

// Package suite runs versitygw's own S3 tests, "versitygw test full-flow", against the
// program, with and without their versioning flag, and holds every result against what
// was reviewed.
//
// testdata/names.txt lists every test that the suite has; testdata/reviewed.txt those of which our
// answer is the right one although the test fails, each with the reason and AWS's page
// that it stands on. A test that fails and is not reviewed fails ours; so does one that is
// reviewed and passes, and one that is gone or new: so both lists stay true. Change them by
// hand, after reading the page.
//
// Without the versioning flag the suite deletes no versions, for its server then locks
// objects in buckets without them. In S3 and here a bucket with Object Lock has versioning
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html), so it cannot
// delete such a bucket again: a test that found nothing wrong but that has passed.
//
// What the suite asks of its own server's admin interface (a program "versitygw" in the
// working folder, called with "admin") is answered by this package's test program under
// that name: it makes keys and gives buckets away by the program's own command line. Its
// users are keys of one member, its role "user" one that may not make buckets; a role that
// may do everything everywhere does not exist. The suite takes the ID of its key for the ID
// of the owner of what it makes, so its key is one whose ID is the member's.
package suite

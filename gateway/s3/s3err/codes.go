package s3err

// The codes, in alphabetical order.
const (
	AccessControlListNotSupported         Code = "AccessControlListNotSupported"
	AccessDenied                          Code = "AccessDenied"
	AccessForbidden                       Code = "AccessForbidden"
	AuthorizationHeaderMalformed          Code = "AuthorizationHeaderMalformed"
	AuthorizationQueryParametersError     Code = "AuthorizationQueryParametersError"
	BadRequest                            Code = "BadRequest"
	BadDigest                             Code = "BadDigest"
	BucketAlreadyExists                   Code = "BucketAlreadyExists"
	BucketAlreadyOwnedByYou               Code = "BucketAlreadyOwnedByYou"
	BucketNotEmpty                        Code = "BucketNotEmpty"
	ConditionalRequestConflict            Code = "ConditionalRequestConflict"
	EntityTooLarge                        Code = "EntityTooLarge"
	EntityTooSmall                        Code = "EntityTooSmall"
	ExpiredToken                          Code = "ExpiredToken"
	IllegalLocationConstraintException    Code = "IllegalLocationConstraintException"
	IncompleteBody                        Code = "IncompleteBody"
	IncorrectNumberOfFilesInPostRequest   Code = "IncorrectNumberOfFilesInPostRequest"
	InsufficientStorage                   Code = "InsufficientStorage"
	InternalError                         Code = "InternalError"
	InvalidAccessKeyId                    Code = "InvalidAccessKeyId"
	InvalidArgument                       Code = "InvalidArgument"
	InvalidBucketAclWithObjectOwnership   Code = "InvalidBucketAclWithObjectOwnership"
	InvalidBucketName                     Code = "InvalidBucketName"
	InvalidBucketState                    Code = "InvalidBucketState"
	InvalidChunkSizeError                 Code = "InvalidChunkSizeError"
	InvalidDigest                         Code = "InvalidDigest"
	InvalidEncryptionAlgorithmError       Code = "InvalidEncryptionAlgorithmError"
	InvalidPart                           Code = "InvalidPart"
	InvalidPartNumber                     Code = "InvalidPartNumber"
	InvalidPartOrder                      Code = "InvalidPartOrder"
	InvalidPolicyDocument                 Code = "InvalidPolicyDocument"
	InvalidRange                          Code = "InvalidRange"
	InvalidRequest                        Code = "InvalidRequest"
	InvalidStorageClass                   Code = "InvalidStorageClass"
	InvalidTag                            Code = "InvalidTag"
	InvalidTargetBucketForLogging         Code = "InvalidTargetBucketForLogging"
	InvalidS3DestinationBucket            Code = "InvalidS3DestinationBucket"
	InvalidToken                          Code = "InvalidToken"
	InvalidURI                            Code = "InvalidURI"
	InvalidRedirectLocation               Code = "InvalidRedirectLocation"
	KeyTooLongError                       Code = "KeyTooLongError"
	MalformedPOSTRequest                  Code = "MalformedPOSTRequest"
	MalformedPolicy                       Code = "MalformedPolicy"
	MalformedXML                          Code = "MalformedXML"
	MalformedTrailerError                 Code = "MalformedTrailerError"
	MaxMessageLengthExceeded              Code = "MaxMessageLengthExceeded"
	MaxPostPreDataLengthExceeded          Code = "MaxPostPreDataLengthExceeded"
	MetadataTooLarge                      Code = "MetadataTooLarge"
	MethodNotAllowed                      Code = "MethodNotAllowed"
	MissingContentLength                  Code = "MissingContentLength"
	MissingRequestBodyError               Code = "MissingRequestBodyError"
	NoSuchBucket                          Code = "NoSuchBucket"
	NoSuchBucketPolicy                    Code = "NoSuchBucketPolicy"
	NoSuchCORSConfiguration               Code = "NoSuchCORSConfiguration"
	NoSuchConfiguration                   Code = "NoSuchConfiguration"
	NoSuchKey                             Code = "NoSuchKey"
	NoSuchLifecycleConfiguration          Code = "NoSuchLifecycleConfiguration"
	NoSuchObjectLockConfiguration         Code = "NoSuchObjectLockConfiguration"
	NoSuchPublicAccessBlockConfiguration  Code = "NoSuchPublicAccessBlockConfiguration"
	NoSuchTagSet                          Code = "NoSuchTagSet"
	NoSuchUpload                          Code = "NoSuchUpload"
	NoSuchVersion                         Code = "NoSuchVersion"
	IllegalVersioningConfiguration        Code = "IllegalVersioningConfigurationException"
	NoSuchWebsiteConfiguration            Code = "NoSuchWebsiteConfiguration"
	NotImplemented                        Code = "NotImplemented"
	NotModified                           Code = "NotModified"
	ObjectLockConfigurationNotFoundError  Code = "ObjectLockConfigurationNotFoundError"
	OperationAborted                      Code = "OperationAborted"
	PreconditionFailed                    Code = "PreconditionFailed"
	QuotaExceeded                         Code = "QuotaExceeded"
	ReplicationConfigurationNotFoundError Code = "ReplicationConfigurationNotFoundError"
	RequestHeaderSectionTooLarge          Code = "RequestHeaderSectionTooLarge"
	RequestIsNotMultiPartContent          Code = "RequestIsNotMultiPartContent"
	RequestTimeTooSkewed                  Code = "RequestTimeTooSkewed"
	RequestTimeout                        Code = "RequestTimeout"
	ServiceUnavailable                    Code = "ServiceUnavailable"
	SignatureDoesNotMatch                 Code = "SignatureDoesNotMatch"
	SlowDown                              Code = "SlowDown"
	TooManyConfigurations                 Code = "TooManyConfigurations"
	UserKeyMustBeSpecified                Code = "UserKeyMustBeSpecified"
	XAmzContentSHA256Mismatch             Code = "XAmzContentSHA256Mismatch"
)

type entry struct {
	status  int
	message string
}

// table is never changed.
var table = map[Code]entry{
	AccessControlListNotSupported:         {400, "The bucket does not allow ACLs."},
	AccessDenied:                          {403, "Access Denied."},
	AccessForbidden:                       {403, "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."},
	AuthorizationHeaderMalformed:          {400, "The authorization header that you provided is not valid."},
	AuthorizationQueryParametersError:     {400, "The authorization query parameters that you provided are not valid."},
	BadRequest:                            {400, "Bad Request"},
	BadDigest:                             {400, "The Content-MD5 you specified did not match what we received."},
	BucketAlreadyExists:                   {409, "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again."},
	BucketAlreadyOwnedByYou:               {409, "Your previous request to create the named bucket succeeded and you already own it."},
	BucketNotEmpty:                        {409, "The bucket you tried to delete is not empty."},
	ConditionalRequestConflict:            {409, "The conditional request cannot succeed due to a conflicting operation against this resource."},
	EntityTooLarge:                        {400, "Your proposed upload exceeds the maximum allowed object size."},
	EntityTooSmall:                        {400, "Your proposed upload is smaller than the minimum allowed size"},
	ExpiredToken:                          {400, "The provided access key has expired."},
	IllegalLocationConstraintException:    {400, "The specified location constraint is incompatible for the region specific endpoint this request was sent to."},
	IncompleteBody:                        {400, "The request body terminated unexpectedly"},
	IncorrectNumberOfFilesInPostRequest:   {400, "POST requires exactly one file upload per request."},
	InsufficientStorage:                   {507, "There is not enough room left to store this. Free some space, or add a disk, and try again."},
	InternalError:                         {500, "We encountered an internal error. Please try again."},
	InvalidAccessKeyId:                    {403, "The AWS Access Key Id you provided does not exist in our records."},
	InvalidArgument:                       {400, "Invalid Argument"},
	InvalidBucketAclWithObjectOwnership:   {400, "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"},
	InvalidBucketName:                     {400, "The specified bucket is not valid."},
	InvalidBucketState:                    {409, "The request is not valid for the current state of the bucket."},
	InvalidChunkSizeError:                 {403, "Only the last chunk is allowed to have a size less than 8192 bytes"},
	InvalidEncryptionAlgorithmError:       {400, "The Encryption request you specified is not valid. Supported value: AES256."},
	InvalidDigest:                         {400, "The Content-Md5 you specified is not valid."},
	InvalidPart:                           {400, "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."},
	InvalidPartNumber:                     {416, "The requested partnumber is not satisfiable."},
	InvalidPartOrder:                      {400, "The list of parts was not in ascending order. Parts must be ordered by part number."},
	InvalidPolicyDocument:                 {400, "Invalid Policy: the content of the form does not meet the conditions specified in the policy document."},
	InvalidRange:                          {416, "The requested range is not satisfiable"},
	InvalidRequest:                        {400, "Invalid Request."},
	InvalidStorageClass:                   {400, "The storage class you specified is not valid"},
	InvalidTag:                            {400, "The tag provided was not a valid tag."},
	InvalidTargetBucketForLogging:         {400, "The target bucket for logging does not exist, is not owned by you, or does not have the appropriate grants for the log-delivery group."},
	InvalidS3DestinationBucket:            {400, "Invalid bucket name or bucket may not exist in the region"},
	InvalidToken:                          {400, "The provided token is malformed or otherwise invalid."},
	InvalidURI:                            {400, "Couldn't parse the specified URI."},
	InvalidRedirectLocation:               {400, "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."},
	KeyTooLongError:                       {400, "Your key is too long."},
	MalformedPOSTRequest:                  {400, "The body of your POST request is not well-formed multipart/form-data."},
	MalformedPolicy:                       {400, "The policy is not in the valid JSON format or contains an invalid element."},
	MalformedXML:                          {400, "The XML you provided was not well-formed or did not validate against our published schema."},
	MalformedTrailerError:                 {400, "The request contained trailing data that was not well-formed or did not conform to our published schema."},
	MaxMessageLengthExceeded:              {400, "Your request was too big."},
	MaxPostPreDataLengthExceeded:          {400, "Your POST request fields preceeding the upload file was too large."},
	MetadataTooLarge:                      {400, "Your metadata headers exceed the maximum allowed metadata size"},
	MethodNotAllowed:                      {405, "The specified method is not allowed against this resource."},
	MissingContentLength:                  {411, "You must provide the Content-Length HTTP header."},
	MissingRequestBodyError:               {400, "Request Body is empty"},
	NoSuchBucket:                          {404, "The specified bucket does not exist."},
	NoSuchBucketPolicy:                    {404, "The bucket policy does not exist."},
	NoSuchCORSConfiguration:               {404, "The CORS configuration does not exist"},
	NoSuchConfiguration:                   {404, "The specified configuration does not exist."},
	NoSuchKey:                             {404, "The specified key does not exist."},
	NoSuchLifecycleConfiguration:          {404, "The lifecycle configuration does not exist"},
	NoSuchObjectLockConfiguration:         {404, "The specified object does not have a ObjectLock configuration."},
	NoSuchPublicAccessBlockConfiguration:  {404, "The public access block configuration was not found"},
	NoSuchTagSet:                          {404, "The TagSet does not exist."},
	NoSuchVersion:                         {404, "The specified version does not exist."},
	IllegalVersioningConfiguration:        {400, "The Versioning element must be specified"},
	NoSuchUpload:                          {404, "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."},
	NoSuchWebsiteConfiguration:            {404, "The specified bucket does not have a website configuration"},
	NotImplemented:                        {501, "A header you provided implies functionality that is not implemented."},
	NotModified:                           {304, "Not Modified"},
	ObjectLockConfigurationNotFoundError:  {404, "Object Lock configuration does not exist for this bucket."},
	OperationAborted:                      {409, "A conflicting conditional operation is currently in progress against this resource. Please try again."},
	PreconditionFailed:                    {412, "At least one of the pre-conditions you specified did not hold."},
	QuotaExceeded:                         {403, "This would exceed the bucket's quota. Delete something, or raise the quota, and try again."},
	ReplicationConfigurationNotFoundError: {404, "The replication configuration was not found"},
	RequestHeaderSectionTooLarge:          {400, "Your request header section exceeds the maximum allowed size."},
	RequestIsNotMultiPartContent:          {400, "Bucket POST must be of the enclosure-type multipart/form-data."},
	RequestTimeTooSkewed:                  {403, "The difference between the request time and the current time is too large."},
	RequestTimeout:                        {400, "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed."},
	ServiceUnavailable:                    {503, "Please reduce your request rate."},
	SignatureDoesNotMatch:                 {403, "The request signature we calculated does not match the signature you provided. Check your key and signing method."},
	SlowDown:                              {503, "Please reduce your request rate."},
	TooManyConfigurations:                 {400, "You are attempting to create a new configuration but have already reached the 1,000-configuration limit."},
	UserKeyMustBeSpecified:                {400, "The bucket POST must contain the specified field name. If it is specified, please check the order of the fields."},
	XAmzContentSHA256Mismatch:             {400, "The provided 'x-amz-content-sha256' header does not match what was computed."},
}

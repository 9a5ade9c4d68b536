package s3err

// The codes, in alphabetical order.
const (
	AccessDenied                                   Code = "AccessDenied"
	AccessForbidden                                Code = "AccessForbidden"
	AccountProblem                                 Code = "AccountProblem"
	AuthorizationHeaderMalformed                   Code = "AuthorizationHeaderMalformed"
	AuthorizationQueryParametersError              Code = "AuthorizationQueryParametersError"
	BadDigest                                      Code = "BadDigest"
	BadRequest                                     Code = "BadRequest"
	BucketAlreadyExists                            Code = "BucketAlreadyExists"
	BucketAlreadyOwnedByYou                        Code = "BucketAlreadyOwnedByYou"
	BucketNotEmpty                                 Code = "BucketNotEmpty"
	ConditionalRequestConflict                     Code = "ConditionalRequestConflict"
	CredentialsNotSupported                        Code = "CredentialsNotSupported"
	EntityTooLarge                                 Code = "EntityTooLarge"
	EntityTooSmall                                 Code = "EntityTooSmall"
	ExpiredToken                                   Code = "ExpiredToken"
	IllegalLocationConstraintException             Code = "IllegalLocationConstraintException"
	IncompleteBody                                 Code = "IncompleteBody"
	IncorrectNumberOfFilesInPostRequest            Code = "IncorrectNumberOfFilesInPostRequest"
	InlineDataTooLarge                             Code = "InlineDataTooLarge"
	InsufficientStorage                            Code = "InsufficientStorage"
	InternalError                                  Code = "InternalError"
	InvalidAccessKeyId                             Code = "InvalidAccessKeyId"
	InvalidAddressingHeader                        Code = "InvalidAddressingHeader"
	InvalidArgument                                Code = "InvalidArgument"
	InvalidAttributeName                           Code = "InvalidAttributeName"
	InvalidBucketName                              Code = "InvalidBucketName"
	InvalidBucketState                             Code = "InvalidBucketState"
	InvalidChunkSizeError                          Code = "InvalidChunkSizeError"
	InvalidDigest                                  Code = "InvalidDigest"
	InvalidEncryptionAlgorithmError                Code = "InvalidEncryptionAlgorithmError"
	InvalidLocationConstraint                      Code = "InvalidLocationConstraint"
	InvalidObjectState                             Code = "InvalidObjectState"
	InvalidPart                                    Code = "InvalidPart"
	InvalidPartNumber                              Code = "InvalidPartNumber"
	InvalidPartOrder                               Code = "InvalidPartOrder"
	InvalidPolicyDocument                          Code = "InvalidPolicyDocument"
	InvalidRange                                   Code = "InvalidRange"
	InvalidRegion                                  Code = "InvalidRegion"
	InvalidRequest                                 Code = "InvalidRequest"
	InvalidSecurity                                Code = "InvalidSecurity"
	InvalidSignature                               Code = "InvalidSignature"
	InvalidStorageClass                            Code = "InvalidStorageClass"
	InvalidTag                                     Code = "InvalidTag"
	InvalidTargetBucketForLogging                  Code = "InvalidTargetBucketForLogging"
	InvalidToken                                   Code = "InvalidToken"
	InvalidURI                                     Code = "InvalidURI"
	InvalidWebsiteRedirectLocation                 Code = "InvalidWebsiteRedirectLocation"
	KeyTooLongError                                Code = "KeyTooLongError"
	MalformedACLError                              Code = "MalformedACLError"
	MalformedPOSTRequest                           Code = "MalformedPOSTRequest"
	MalformedPolicy                                Code = "MalformedPolicy"
	MalformedXML                                   Code = "MalformedXML"
	MalformedTrailerError                          Code = "MalformedTrailerError"
	MaxMessageLengthExceeded                       Code = "MaxMessageLengthExceeded"
	MaxPostPreDataLengthExceeded                   Code = "MaxPostPreDataLengthExceeded"
	MetadataTooLarge                               Code = "MetadataTooLarge"
	MethodNotAllowed                               Code = "MethodNotAllowed"
	MissingAttachment                              Code = "MissingAttachment"
	MissingAuthenticationToken                     Code = "MissingAuthenticationToken"
	MissingContentLength                           Code = "MissingContentLength"
	MissingRequestBodyError                        Code = "MissingRequestBodyError"
	MissingSecurityHeader                          Code = "MissingSecurityHeader"
	NoSuchBucket                                   Code = "NoSuchBucket"
	NoSuchBucketPolicy                             Code = "NoSuchBucketPolicy"
	NoSuchCORSConfiguration                        Code = "NoSuchCORSConfiguration"
	NoSuchConfiguration                            Code = "NoSuchConfiguration"
	NoSuchKey                                      Code = "NoSuchKey"
	NoSuchLifecycleConfiguration                   Code = "NoSuchLifecycleConfiguration"
	NoSuchObjectLockConfiguration                  Code = "NoSuchObjectLockConfiguration"
	NoSuchPublicAccessBlockConfiguration           Code = "NoSuchPublicAccessBlockConfiguration"
	NoSuchTagSet                                   Code = "NoSuchTagSet"
	NoSuchUpload                                   Code = "NoSuchUpload"
	NoSuchVersion                                  Code = "NoSuchVersion"
	NoSuchWebsiteConfiguration                     Code = "NoSuchWebsiteConfiguration"
	NotImplemented                                 Code = "NotImplemented"
	NotModified                                    Code = "NotModified"
	ObjectLockConfigurationNotFoundError           Code = "ObjectLockConfigurationNotFoundError"
	OperationAborted                               Code = "OperationAborted"
	OwnershipControlsNotFoundError                 Code = "OwnershipControlsNotFoundError"
	PermanentRedirect                              Code = "PermanentRedirect"
	PreconditionFailed                             Code = "PreconditionFailed"
	QuotaExceeded                                  Code = "QuotaExceeded"
	Redirect                                       Code = "Redirect"
	ReplicationConfigurationNotFoundError          Code = "ReplicationConfigurationNotFoundError"
	RequestHeaderSectionTooLarge                   Code = "RequestHeaderSectionTooLarge"
	RequestIsNotMultiPartContent                   Code = "RequestIsNotMultiPartContent"
	RequestTimeTooSkewed                           Code = "RequestTimeTooSkewed"
	RequestTimeout                                 Code = "RequestTimeout"
	RestoreAlreadyInProgress                       Code = "RestoreAlreadyInProgress"
	ServerSideEncryptionConfigurationNotFoundError Code = "ServerSideEncryptionConfigurationNotFoundError"
	ServiceUnavailable                             Code = "ServiceUnavailable"
	SignatureDoesNotMatch                          Code = "SignatureDoesNotMatch"
	SlowDown                                       Code = "SlowDown"
	TemporaryRedirect                              Code = "TemporaryRedirect"
	TokenRefreshRequired                           Code = "TokenRefreshRequired"
	TooManyBuckets                                 Code = "TooManyBuckets"
	TooManyParts                                   Code = "TooManyParts"
	UnexpectedContent                              Code = "UnexpectedContent"
	UnexpectedIPError                              Code = "UnexpectedIPError"
	UnresolvableGrantByEmailAddress                Code = "UnresolvableGrantByEmailAddress"
	UnsupportedArgument                            Code = "UnsupportedArgument"
	UserKeyMustBeSpecified                         Code = "UserKeyMustBeSpecified"
	XAmzContentChecksumMismatch                    Code = "XAmzContentChecksumMismatch"
	XAmzContentSHA256Mismatch                      Code = "XAmzContentSHA256Mismatch"
)

type entry struct {
	status  int
	message string
}

// table is never changed.
var table = map[Code]entry{
	AccessDenied:                          {403, "Access Denied"},
	AccessForbidden:                       {403, "CORSResponse: This CORS request is not allowed."},
	AccountProblem:                        {403, "There is a problem with your account that prevents the operation from completing successfully."},
	AuthorizationHeaderMalformed:          {400, "The authorization header that you provided is not valid."},
	AuthorizationQueryParametersError:     {400, "The authorization query parameters that you provided are not valid."},
	BadDigest:                             {400, "The Content-MD5 or checksum value that you specified did not match what the server received."},
	BadRequest:                            {400, "Bad Request"},
	BucketAlreadyExists:                   {409, "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again."},
	BucketAlreadyOwnedByYou:               {409, "Your previous request to create the named bucket succeeded and you already own it."},
	BucketNotEmpty:                        {409, "The bucket you tried to delete is not empty"},
	ConditionalRequestConflict:            {409, "The conditional request cannot succeed due to a conflicting operation against this resource."},
	CredentialsNotSupported:               {400, "This request does not support credentials."},
	EntityTooLarge:                        {400, "Your proposed upload exceeds the maximum allowed size"},
	EntityTooSmall:                        {400, "Your proposed upload is smaller than the minimum allowed size"},
	ExpiredToken:                          {400, "The provided token has expired."},
	IllegalLocationConstraintException:    {400, "The specified location constraint is incompatible for the region specific endpoint this request was sent to."},
	IncompleteBody:                        {400, "The request body terminated unexpectedly"},
	IncorrectNumberOfFilesInPostRequest:   {400, "POST requires exactly one file upload per request."},
	InlineDataTooLarge:                    {400, "The inline data exceeds the maximum allowed size."},
	InsufficientStorage:                   {507, "There is not enough room left to store this. Free some space, or add a disk, and try again."},
	InternalError:                         {500, "We encountered an internal error. Please try again."},
	InvalidAccessKeyId:                    {403, "The AWS Access Key Id you provided does not exist in our records."},
	InvalidAddressingHeader:               {400, "You must specify the Anonymous role."},
	InvalidArgument:                       {400, "Invalid Argument"},
	InvalidAttributeName:                  {400, "The attribute name that you specified is not valid."},
	InvalidBucketName:                     {400, "The specified bucket is not valid."},
	InvalidBucketState:                    {409, "The request is not valid for the current state of the bucket."},
	InvalidChunkSizeError:                 {403, "Only the last chunk is allowed to have a size less than 8192 bytes"},
	InvalidDigest:                         {400, "The Content-MD5 you specified was invalid."},
	InvalidEncryptionAlgorithmError:       {400, "The encryption request that you specified is not valid. The valid value is AES256."},
	InvalidLocationConstraint:             {400, "The specified location-constraint is not valid"},
	InvalidObjectState:                    {403, "The operation is not valid for the object's storage class"},
	InvalidPart:                           {400, "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."},
	InvalidPartNumber:                     {416, "The requested partnumber is not satisfiable"},
	InvalidPartOrder:                      {400, "The list of parts was not in ascending order. Parts must be ordered by part number."},
	InvalidPolicyDocument:                 {400, "Invalid Policy: the content of the form does not meet the conditions specified in the policy document."},
	InvalidRange:                          {416, "The requested range is not satisfiable"},
	InvalidRegion:                         {403, "The region that you specified is not valid."},
	InvalidRequest:                        {400, "Invalid Request"},
	InvalidSecurity:                       {403, "The provided security credentials are not valid."},
	InvalidSignature:                      {400, "The request signature that the server calculated does not match the signature that you provided."},
	InvalidStorageClass:                   {400, "The storage class you specified is not valid"},
	InvalidTag:                            {400, "The tag provided was not a valid tag."},
	InvalidTargetBucketForLogging:         {400, "The target bucket for logging does not exist, is not owned by you, or does not have the appropriate grants for the log-delivery group."},
	InvalidToken:                          {400, "The provided token is malformed or otherwise invalid."},
	InvalidURI:                            {400, "Couldn't parse the specified URI."},
	InvalidWebsiteRedirectLocation:        {400, "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."},
	KeyTooLongError:                       {400, "Your key is too long"},
	MalformedACLError:                     {400, "The XML you provided was not well-formed or did not validate against our published schema"},
	MalformedPOSTRequest:                  {400, "The body of your POST request is not well-formed multipart/form-data."},
	MalformedPolicy:                       {400, "Policy has invalid resource"},
	MalformedXML:                          {400, "The XML you provided was not well-formed or did not validate against our published schema"},
	MalformedTrailerError:                 {400, "The request contained trailing data that was not well-formed or did not conform to our published schema."},
	MaxMessageLengthExceeded:              {400, "Your request was too big."},
	MaxPostPreDataLengthExceeded:          {400, "Your POST request fields preceeding the upload file was too large."},
	MetadataTooLarge:                      {400, "Your metadata headers exceed the maximum allowed metadata size"},
	MethodNotAllowed:                      {405, "The specified method is not allowed against this resource."},
	MissingAttachment:                     {400, "A SOAP attachment was expected, but none were found."},
	MissingAuthenticationToken:            {403, "The request must contain a valid (registered) access key ID."},
	MissingContentLength:                  {411, "You must provide the Content-Length HTTP header."},
	MissingRequestBodyError:               {400, "Request Body is empty"},
	MissingSecurityHeader:                 {400, "Your request was missing a required header"},
	NoSuchBucket:                          {404, "The specified bucket does not exist"},
	NoSuchBucketPolicy:                    {404, "The bucket policy does not exist"},
	NoSuchCORSConfiguration:               {404, "The CORS configuration does not exist"},
	NoSuchConfiguration:                   {404, "The specified configuration does not exist."},
	NoSuchKey:                             {404, "The specified key does not exist."},
	NoSuchLifecycleConfiguration:          {404, "The lifecycle configuration does not exist"},
	NoSuchObjectLockConfiguration:         {404, "The specified object does not have a ObjectLock configuration"},
	NoSuchPublicAccessBlockConfiguration:  {404, "The public access block configuration was not found"},
	NoSuchTagSet:                          {404, "The TagSet does not exist"},
	NoSuchUpload:                          {404, "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."},
	NoSuchVersion:                         {404, "The specified version does not exist."},
	NoSuchWebsiteConfiguration:            {404, "The specified bucket does not have a website configuration"},
	NotImplemented:                        {501, "A header you provided implies functionality that is not implemented"},
	NotModified:                           {304, "Not Modified"},
	ObjectLockConfigurationNotFoundError:  {404, "Object Lock configuration does not exist for this bucket"},
	OperationAborted:                      {409, "A conflicting conditional operation is currently in progress against this resource. Please try again."},
	OwnershipControlsNotFoundError:        {404, "The bucket ownership controls were not found"},
	PermanentRedirect:                     {301, "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint."},
	PreconditionFailed:                    {412, "At least one of the pre-conditions you specified did not hold"},
	QuotaExceeded:                         {403, "The bucket's quota is used up. Delete something, or raise the quota, and try again."},
	Redirect:                              {307, "Please re-send this request to the specified temporary endpoint. Continue to use the original request endpoint for future requests."},
	ReplicationConfigurationNotFoundError: {404, "The replication configuration was not found"},
	RequestHeaderSectionTooLarge:          {400, "Your request header section exceeds the maximum allowed size."},
	RequestIsNotMultiPartContent:          {400, "Bucket POST must be of the enclosure-type multipart/form-data."},
	RequestTimeTooSkewed:                  {403, "The difference between the request time and the current time is too large."},
	RequestTimeout:                        {400, "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed."},
	RestoreAlreadyInProgress:              {409, "Object restore is already in progress"},
	ServerSideEncryptionConfigurationNotFoundError: {404, "The server side encryption configuration was not found"},
	ServiceUnavailable:              {503, "Please reduce your request rate."},
	SignatureDoesNotMatch:           {403, "The request signature we calculated does not match the signature you provided. Check your key and signing method."},
	SlowDown:                        {503, "Please reduce your request rate."},
	TemporaryRedirect:               {307, "Please re-send this request to the specified temporary endpoint. Continue to use the original request endpoint for future requests."},
	TokenRefreshRequired:            {400, "The provided token must be refreshed."},
	TooManyBuckets:                  {400, "You have attempted to create more buckets than allowed"},
	TooManyParts:                    {400, "You have attempted to upload more parts than allowed"},
	UnexpectedContent:               {400, "This request does not support content"},
	UnexpectedIPError:               {403, "This request was rejected because the IP was unexpected."},
	UnresolvableGrantByEmailAddress: {400, "The e-mail address you provided does not match any account on record."},
	UnsupportedArgument:             {400, "The request contained an unsupported argument."},
	UserKeyMustBeSpecified:          {400, "The bucket POST must contain the specified field name. If it is specified, please check the order of the fields."},
	XAmzContentChecksumMismatch:     {400, "The provided 'x-amz-checksum' header does not match what was computed."},
	XAmzContentSHA256Mismatch:       {400, "The provided 'x-amz-content-sha256' header does not match what was computed."},
}

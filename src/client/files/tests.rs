use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;

use super::sign::{Asked, Signer, sha256_hex};
use super::*;
use crate::client::stub;
use crate::id::secret;

fn instant() -> DateTime<Utc> {
    "2013-05-24T00:00:00Z".parse().unwrap()
}

/// The worked examples of AWS, "Signature Calculations for the Authorization Header".
#[test]
fn requests_are_signed_as_the_provider_shows() {
    let signer = Signer {
        region: "us-east-1".into(),
        access_key: "AKIAIOSFODNN7EXAMPLE".into(),
        secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned().into(),
    };
    let host = ("host", "examplebucket.s3.amazonaws.com");
    let date = ("x-amz-date", "20130524T000000Z");
    let empty = sha256_hex(b"");
    let asked = Asked {
        method: "GET",
        path: "/test.txt",
        headers: &[host, ("range", "bytes=0-9"), ("x-amz-content-sha256", &empty), date],
        body_sha256: &empty,
    };
    let get = signer.authorization(&asked, instant());
    let signature = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
    assert!(get.ends_with(&format!("Signature={signature}")), "{get}");
    assert!(get.contains("Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"));

    let body = sha256_hex(b"Welcome to Amazon S3.");
    let asked = Asked {
        method: "PUT",
        path: "/test%24file.text",
        headers: &[
            ("date", "Fri, 24 May 2013 00:00:00 GMT"),
            host,
            ("x-amz-content-sha256", &body),
            date,
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ],
        body_sha256: &body,
    };
    let put = signer.authorization(&asked, instant());
    let signature = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd";
    assert!(put.ends_with(&format!("Signature={signature}")), "{put}");
}

async fn kept(files: &Files, content: &[u8]) -> String {
    let name = secret();
    let spooled = files.spool(&name).await.unwrap();
    std::fs::write(&spooled, content).unwrap();
    files.keep(&name, &spooled, content.to_vec()).await.unwrap();
    name
}

async fn read(files: &Files, name: &str) -> Result<Vec<u8>, FilesError> {
    let chunks: Vec<_> = files.open(name).await?.try_collect().await.unwrap();
    Ok(chunks.concat())
}

/// A folder of this test, removed with it.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(secret()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_folder_keeps_files_and_takes_no_other_names() {
    let folder = Folder::new();
    let files = Files::new(Settings { folder: folder.0.clone(), bucket: None }, Clock::system()).unwrap();
    let content: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
    let name = kept(&files, &content).await;
    assert_eq!(read(&files, &name).await.unwrap(), content);
    files.remove(&name).await.unwrap();
    files.remove(&name).await.unwrap();
    assert!(matches!(read(&files, &name).await, Err(FilesError::Missing)));
    for name in ["", "../../../etc/passwd", "/etc/passwd", "aaaaaaaaaaaaaaa/../../x", "a\0aaaaaaaaaaaaaaaaa"]
    {
        assert!(matches!(files.open(name).await, Err(FilesError::Name)), "{name:?}");
        assert!(matches!(files.spool(name).await, Err(FilesError::Name)), "{name:?}");
    }
}

#[tokio::test]
async fn what_was_collected_and_left_behind_goes_after_a_while() {
    let folder = Folder::new();
    let files = Files::new(Settings { folder: folder.0.clone(), bucket: None }, Clock::system()).unwrap();
    let hour = Duration::from_secs(3600);
    files.clear_spool(hour).await.unwrap();
    let name = kept(&files, b"kept").await;
    let [old, fresh] = [files.spool(&secret()).await.unwrap(), files.spool(&secret()).await.unwrap()];
    std::fs::write(&fresh, b"on its way").unwrap();
    std::fs::File::create(&old).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    files.clear_spool(hour).await.unwrap();
    assert!(fresh.exists() && !old.exists());
    assert_eq!(read(&files, &name).await.unwrap(), b"kept");
}

fn bucket(folder: &Folder, url: String) -> Settings {
    let bucket = BucketSettings {
        url,
        region: "ap-northeast-2".into(),
        name: "bucket".into(),
        access_key: "access".into(),
        secret_key: "secret".to_owned().into(),
    };
    Settings { folder: folder.0.clone(), bucket: Some(bucket) }
}

#[tokio::test]
async fn a_bucket_is_asked_by_path_and_signature() {
    let stored = Arc::new(std::sync::Mutex::new(None::<String>));
    let shelf = stored.clone();
    let (url, seen) = stub::http(move |request| {
        let mut shelf = shelf.lock().unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        match head.split(' ').next().unwrap() {
            "PUT" => {
                *shelf = Some(body.to_owned());
                (200, "", String::new())
            }
            "DELETE" => {
                *shelf = None;
                (204, "", String::new())
            }
            _ => shelf.clone().map_or((404, "", String::new()), |body| (200, "", body)),
        }
    });
    let folder = Folder::new();
    let files = Files::new(bucket(&folder, url), Clock::frozen(instant())).unwrap();
    let name = kept(&files, "안녕 bucket".as_bytes()).await;
    assert_eq!(stored.lock().unwrap().as_deref(), Some("안녕 bucket"));
    assert_eq!(read(&files, &name).await.unwrap(), "안녕 bucket".as_bytes());
    files.remove(&name).await.unwrap();
    assert!(matches!(read(&files, &name).await, Err(FilesError::Missing)));
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 4);
    for request in seen.iter() {
        let first = request.lines().next().unwrap();
        assert!(first.contains(&format!(" /bucket/{name} ")), "{first}");
        let signed =
            "authorization: AWS4-HMAC-SHA256 Credential=access/20130524/ap-northeast-2/s3/aws4_request";
        assert!(request.contains(signed), "{request}");
        assert!(request.contains("x-amz-date: 20130524T000000Z"), "{request}");
        assert!(!request.contains("secret"), "the secret never travels");
    }
    assert!(seen[0].contains(&format!("x-amz-content-sha256: {}", sha256_hex("안녕 bucket".as_bytes()))));
}

#[tokio::test]
async fn a_bucket_that_refuses_says_so() {
    let (url, _) = stub::http(|_| (403, "", "<Error/>".to_owned()));
    let folder = Folder::new();
    let files = Files::new(bucket(&folder, url), Clock::frozen(instant())).unwrap();
    let opened = tokio::time::timeout(Duration::from_secs(10), files.open(&secret())).await.unwrap();
    assert!(matches!(opened, Err(FilesError::Bucket(text)) if text.contains("403")));
    let misspelt = bucket(&folder, "ftp://host".to_owned());
    assert!(Files::new(misspelt, Clock::system()).is_err());
}

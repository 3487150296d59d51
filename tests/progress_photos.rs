//! Pictures of a body: for their owner alone, and of what is sent nothing but the pixels.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage, RgbaImage};
use reqwest::{StatusCode, header};
use serde_json::{Value, json};

use crate::{
    family_access::shares,
    harness::{Person, TestApp},
    sync::id,
};

const LIST: &str = "query($kind: PhotoKind, $from: Date, $first: Int, $after: String) { viewer { progressPhotos(kind: $kind, from: $from, first: $first, after: $after) {
    nodes { id path kind date width height version } pageInfo { hasNextPage endCursor } } } }";
const UPDATE: &str = "mutation($input: UpdateProgressPhotoInput!) { updateProgressPhoto(input: $input) { photo { kind date version } } }";
const DELETE: &str = "mutation($input: DeleteProgressPhotoInput!) { deleteProgressPhoto(input: $input) { deletedId } }";

/// A picture whose left half is red and whose right half is blue.
fn halves(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, _| if x < width / 2 { Rgb([220, 20, 20]) } else { Rgb([20, 20, 220]) })
}

fn encoded(image: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// EXIF that says that the camera lay on its side, where it was, and what somebody wrote: a TIFF of two directories.
fn exif() -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0".to_vec();
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [tag.to_le_bytes().to_vec(), kind.to_le_bytes().to_vec(), count.to_le_bytes().to_vec(), value.to_le_bytes().to_vec()].concat()
    };
    tiff.extend(3u16.to_le_bytes());
    tiff.extend(entry(0x010e, 2, 16, 80));
    tiff.extend(entry(0x0112, 3, 1, 6));
    tiff.extend(entry(0x8825, 4, 1, 50));
    tiff.extend(0u32.to_le_bytes());
    assert_eq!(tiff.len(), 50);
    // N, 48.2082°.
    tiff.extend(2u16.to_le_bytes());
    tiff.extend(entry(1, 2, 2, u32::from(b'N')));
    tiff.extend(entry(2, 5, 3, 96));
    tiff.extend(0u32.to_le_bytes());
    assert_eq!(tiff.len(), 80);
    tiff.extend(b"SECRET-AT-HOME\0\0");
    tiff.extend([48u32, 1, 12, 1, 2952, 100].iter().flat_map(|number| number.to_le_bytes()));
    [b"Exif\0\0".to_vec(), tiff].concat()
}

/// A JPEG with such EXIF, XMP and a comment.
fn telling(jpeg: &[u8]) -> Vec<u8> {
    let segment = |marker: u8, content: &[u8]| {
        let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
        [&[0xff, marker], &length[..], content].concat()
    };
    let xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta><exif:GPSLatitude>SECRET</exif:GPSLatitude></x:xmpmeta>";
    [&jpeg[..2], &segment(0xe1, &exif()), &segment(0xe1, xmp), &segment(0xfe, b"SECRET"), &jpeg[2..]].concat()
}

async fn sends(person: &Person<'_>, query: &str, picture: Vec<u8>) -> (StatusCode, Value) {
    let mut request = person.app.post(&format!("/photos{query}")).body(picture);
    if let Some(token) = &person.token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

async fn adds(person: &Person<'_>, query: &str, picture: Vec<u8>) -> Value {
    let (status, mut answer) = sends(person, query, picture).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    answer["photo"].take()
}

async fn asks(person: &Person<'_>, path: &str) -> reqwest::Response {
    person.app.get(path).bearer_auth(person.token.as_deref().unwrap_or_default()).send().await.unwrap()
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

#[tokio::test]
async fn of_anns_photo_nothing_is_kept_but_its_pixels_the_right_way_up() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let sent = telling(&encoded(&halves(400, 200), ImageFormat::Jpeg));
    assert!(contains(&sent, b"Exif") && contains(&sent, b"SECRET"));
    let photo = adds(&ann, "?kind=front&date=2026-03-09", sent).await;
    assert_eq!((&photo["width"], &photo["height"]), (&json!(200), &json!(400)), "it lay on its side");
    let shown = asks(&ann, photo["path"].as_str().unwrap()).await;
    assert_eq!(shown.status(), StatusCode::OK);
    let header = |name: header::HeaderName| shown.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((header(header::CONTENT_TYPE).as_str(), header(header::CACHE_CONTROL).as_str()), ("image/jpeg", "private, no-store"));
    let jpeg = shown.bytes().await.unwrap();
    for text in [&b"Exif"[..], b"SECRET", b"adobe", b"GPS"] {
        assert!(!contains(&jpeg, text));
    }
    let pixels = image::load_from_memory_with_format(&jpeg, ImageFormat::Jpeg).unwrap().into_rgb8();
    let (top, bottom) = (pixels.get_pixel(100, 50).0, pixels.get_pixel(100, 350).0);
    assert!(top[0] > 180 && top[2] < 80 && bottom[2] > 180 && bottom[0] < 80, "{top:?} {bottom:?}");

    // Other formats, and what is larger than need be.
    let large = adds(&ann, "?kind=back", encoded(&halves(3000, 1500), ImageFormat::Png)).await;
    assert_eq!((&large["width"], &large["height"]), (&json!(2048), &json!(1024)));
    let mut transparent = Cursor::new(Vec::new());
    RgbaImage::from_pixel(8, 6, image::Rgba([9, 9, 9, 0])).write_to(&mut transparent, ImageFormat::WebP).unwrap();
    assert_eq!(adds(&ann, "?kind=side", transparent.into_inner()).await["width"], 8);
    let kept: Vec<u8> = app.value("SELECT string_agg(jpeg, '') FROM progress_photos").await;
    assert!(!contains(&kept, b"SECRET"));
}

#[tokio::test]
async fn nobody_but_ann_sees_her_photos_whatever_she_shares() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    shares(&ann, &ben, &["CALORIE", "CHECKIN", "REPORTS", "FOOD_LIST"], true).await;
    let photo = adds(&ann, "?kind=front", encoded(&halves(20, 10), ImageFormat::Jpeg)).await;
    let path = photo["path"].as_str().unwrap();
    assert_eq!(asks(&ben, path).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(asks(&app.nobody(), path).await.status(), StatusCode::UNAUTHORIZED);
    let with_link = app.get(&format!("{path}?access_token={}", ann.token.as_deref().unwrap())).send().await.unwrap();
    assert_eq!(with_link.status(), StatusCode::UNAUTHORIZED, "a link opens nothing");
    let of_ann = "query($id: UUID!) { person(id: $id) { progressPhotos { nodes { id } } } }";
    assert_eq!(ben.ask(of_ann, json!({ "id": ann.id })).await["person"]["progressPhotos"], json!(null));
    for document in [UPDATE, DELETE] {
        assert_eq!(ben.refused(document, json!({ "input": { "id": photo["id"] } })).await.code, "NOT_FOUND");
    }
    let (status, answer) = sends(&app.nobody(), "?kind=front", encoded(&halves(20, 10), ImageFormat::Jpeg)).await;
    assert_eq!((status, &answer["errors"][0]["extensions"]["code"]), (StatusCode::UNAUTHORIZED, &json!("UNAUTHENTICATED")));
    assert_eq!(asks(&ann, "/photos/1").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(asks(&ann, path).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn ann_lists_dates_and_deletes_her_photos() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let picture = encoded(&halves(20, 10), ImageFormat::Png);
    let first = format!("?kind=front&date=2026-03-01&id={}", id());
    let added = adds(&ann, &first, picture.clone()).await;
    assert_eq!(adds(&ann, &first, picture.clone()).await, added, "sent again it is added once");
    let (status, _) = sends(&ann, &first, encoded(&halves(20, 12), ImageFormat::Png)).await;
    assert_eq!(status, StatusCode::CONFLICT, "another picture is another one");
    adds(&ann, "?kind=side&date=2026-03-01", picture.clone()).await;
    adds(&ann, "?kind=front", picture.clone()).await;
    let page = ann.ask(LIST, json!({ "first": 1, "kind": "FRONT" })).await["viewer"]["progressPhotos"].take();
    assert_eq!((&page["nodes"][0]["date"], &page["pageInfo"]["hasNextPage"]), (&json!("2026-03-10"), &json!(true)));
    let rest =
        ann.ask(LIST, json!({ "first": 5, "kind": "FRONT", "after": page["pageInfo"]["endCursor"] })).await["viewer"]["progressPhotos"]
            .take();
    assert_eq!(
        rest["nodes"],
        json!([{ "id": added["id"], "path": added["path"], "kind": "FRONT", "date": "2026-03-01", "width": 20, "height": 10, "version": 1 }])
    );
    let changed =
        ann.ask(UPDATE, json!({ "input": { "id": added["id"], "kind": "BACK", "date": "2026-02-28", "expectedVersion": 1 } })).await;
    assert_eq!(changed["updateProgressPhoto"]["photo"], json!({ "kind": "BACK", "date": "2026-02-28", "version": 2 }));
    assert_eq!(ann.refused(DELETE, json!({ "input": { "id": added["id"], "expectedVersion": 1 } })).await.code, "CONFLICT");
    ann.ask(DELETE, json!({ "input": { "id": added["id"] } })).await;
    assert_eq!(asks(&ann, added["path"].as_str().unwrap()).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM progress_photos").await, 2, "no tombstone is left");
}

/// A PNG of one pixel that says it has so many.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut png = encoded(&halves(1, 1), ImageFormat::Png);
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let mut sum = flate2::Crc::new();
    sum.update(&png[12..29]);
    png[29..33].copy_from_slice(&sum.sum().to_be_bytes());
    png
}

#[tokio::test]
async fn hostile_pictures_are_refused_with_a_code_and_the_server_goes_on() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (jpeg, png) = (encoded(&halves(400, 200), ImageFormat::Jpeg), encoded(&halves(400, 200), ImageFormat::Png));
    let noise: Vec<u8> = (0..5000u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for (what, picture) in [
        ("nothing", Vec::new()),
        ("noise", noise.clone()),
        ("a page", b"<!doctype html><script>alert(1)</script>".to_vec()),
        ("a drawing", b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>".to_vec()),
        ("a GIF", b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;".to_vec()),
        ("the beginning of a JPEG", jpeg[..20].to_vec()),
        ("a JPEG of noise", [&jpeg[..4], &noise[..]].concat()),
        ("half a PNG", png[..png.len() / 2].to_vec()),
        ("a WebP of noise", [b"RIFF\x88\x13\0\0WEBPVP8 ".as_slice(), &noise].concat()),
        ("a bomb", bomb(30_000, 30_000)),
        ("a wide bomb", bomb(4_000_000_000, 1)),
        ("no pixels", bomb(0, 7)),
    ] {
        let (status, answer) = sends(&ann, "?kind=front", picture).await;
        let extensions = &answer["errors"][0]["extensions"];
        assert_eq!(
            (status, &extensions["code"], &extensions["field"]),
            (StatusCode::BAD_REQUEST, &json!("BAD_USER_INPUT"), &json!("image")),
            "{what}: {answer}"
        );
    }
    let (status, answer) = sends(&ann, "?kind=front", vec![0; (10 << 20) + 1]).await;
    assert_eq!((status, &answer["errors"][0]["extensions"]["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("LIMIT_EXCEEDED")));
    for (query, field) in [
        ("", "kind"),
        ("?kind=top", "kind"),
        ("?kind=front&date=today", "date"),
        ("?kind=front&id=1", "id"),
        ("?kind=front&date=1800-01-01", "date"),
        ("?kind=front&size=1", "query"),
    ] {
        let (status, answer) = sends(&ann, query, jpeg.clone()).await;
        assert_eq!((status, &answer["errors"][0]["extensions"]["field"]), (StatusCode::BAD_REQUEST, &json!(field)), "{query}");
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM progress_photos").await, 0);
    adds(&ann, "?kind=front", jpeg).await;
}

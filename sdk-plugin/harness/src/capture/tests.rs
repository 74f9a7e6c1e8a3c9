use super::*;

fn kept(url: &str, header: &str, body: &str) -> (Value, Kept) {
    let mut kept = Kept::default();
    let request = HttpRequest { method: "GET".into(), url: url.into(), headers: Vec::new(), body: None };
    let headers = vec![("Link".to_owned(), header.to_owned())];
    let response = HttpResponse { status: 200, headers, body: body.as_bytes().to_vec() };
    kept.keep(&request, &Ok(response));
    let exchange = kept.exchanges.remove(0);
    (exchange, kept)
}

#[test]
fn e_8_a_link_is_kept_without_what_opens_it_and_the_same_wherever_it_stands() {
    let link = "https://files.example/a/b?X-Amz-Credential=c4n4ry%2Fx&page=2&X-Amz-Signature=c4n4ry==&page_token=p2";
    let bare = "https://files.example/a/b?X-Amz-Credential=stripped&page=2&X-Amz-Signature=stripped&page_token=p2";
    let body = json!({ "next": link, "list": [{ "href": "/x?sig=c4n4ry#access_token=c4n4ry" }] }).to_string();
    let (exchange, kept) = kept(link, &format!("<{link}>; rel=\"next\", <{link}>; rel=\"last\""), &body);
    assert!(!exchange.to_string().contains("c4n4ry"), "{exchange}");
    assert_eq!(exchange["request"]["url"], bare);
    assert_eq!(exchange["response"]["body"]["next"], bare);
    assert_eq!(exchange["response"]["body"]["list"][0]["href"], "/x?sig=stripped#access_token=stripped");
    let header = format!("<{bare}>; rel=\"next\", <{bare}>; rel=\"last\"");
    assert_eq!(exchange["response"]["headers"]["link"], header);
    assert!(kept.stripped.contains(&"GET https://files.example/a/b: body.next?X-Amz-Signature".to_owned()));
    assert!(kept.stripped.contains(&"GET https://files.example/a/b?X-Amz-Signature".to_owned()));
    assert!(kept.unreviewed.is_empty(), "{:?}", kept.unreviewed);
}

#[test]
fn e_8_what_is_no_json_is_named_for_somebody_to_look_through() {
    let (exchange, kept) = kept("/x?key=c4n4ry", "", "<a href='https://f.example/?a=1&amp;token=c4n4ry'>secret</a>");
    let text = "<a href='https://f.example/?a=1&amp;token=stripped'>secret</a>";
    assert_eq!(exchange["response"]["body"], text);
    assert_eq!(exchange["request"]["url"], "/x?key=stripped");
    assert_eq!(kept.unreviewed, ["GET /x: body"]);
    assert_eq!(self::kept("/x", "", "a=1&client_secret=c4n4ry").0["response"]["body"], "a=1&client_secret=stripped");
}

#[test]
fn e_8_a_secret_is_known_by_what_it_looks_like_too() {
    let body = json!({
        "hook": "whsec_c4n4ryc4n4ry", "key": "c4n4ryc4n4ryc4n4ry", "pem": "-----BEGIN PRIVATE KEY-----\nc4n4ry",
        "issue": { "key": "SHOP-17" }, "text": "whsec_ is what it begins with", "question": "why?token=none",
    });
    let (exchange, kept) = kept("/x", "", &body.to_string());
    let body = &exchange["response"]["body"];
    assert!(!body.to_string().contains("c4n4ry") && kept.stripped.len() == 3, "{body} {:?}", kept.stripped);
    assert_eq!((&body["hook"], &body["key"], &body["pem"]), (&json!(STRIPPED), &json!(STRIPPED), &json!(STRIPPED)));
    assert_eq!((&body["issue"]["key"], &body["question"]), (&json!("SHOP-17"), &json!("why?token=none")));
    assert_eq!(body["text"], "whsec_ is what it begins with");
    // A text alone.
    let (exchange, _) = self::kept("/x", "", "\"whsec_c4n4ryc4n4ry\"");
    assert_eq!(exchange["response"]["body"], "\"stripped\"");
}

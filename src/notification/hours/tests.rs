use super::*;

fn at(text: &str) -> Instant {
    text.parse().expect("an instant")
}

fn quiet(start: &str, end: &str) -> QuietHours {
    QuietHours::parse(start, end).expect("quiet hours")
}

fn zone(name: &str) -> Tz {
    name.parse().expect("a zone")
}

#[test]
fn absurd_hours_are_refused() {
    for (start, end) in [
        ("22:00", "22:00"),
        ("00:00", "00:00"),
        ("00:00", "24:00"),
        ("06:00", "22:01"),
        ("22:00", "7:00"),
        ("22", "07:00"),
        ("22:60", "07:00"),
        ("-1:00", "07:00"),
        ("+1:00", "07:00"),
        ("22:00", "07:00:00"),
        ("", ""),
        ("٢٢:٠٠", "07:00"),
    ] {
        assert!(matches!(QuietHours::parse(start, end), Err(Error::QuietHoursInvalid)), "{start} {end}");
    }
    assert_eq!(quiet("22:00", "07:05").words(), ("22:00".to_owned(), "07:05".to_owned()));
    assert_eq!(quiet("06:00", "22:00").minutes(), (360, 1320), "sixteen hours");
    assert!(Hours::new(None, Some(24)).is_err() && Hours::new(None, Some(0)).is_ok());
}

#[test]
fn a_night_in_seoul_reaches_over_midnight() {
    let (night, seoul) = (quiet("22:00", "07:00"), zone("Asia/Seoul"));
    let morning = at("2026-03-02T22:00:00Z");
    for (now, until) in [
        ("2026-03-02T12:59:59Z", None),
        ("2026-03-02T13:00:00Z", Some(morning)),
        ("2026-03-02T15:00:00Z", Some(morning)),
        ("2026-03-02T21:59:59Z", Some(morning)),
        ("2026-03-02T22:00:00Z", None),
    ] {
        assert_eq!(night.until(at(now), seoul), until, "{now}");
    }
    let noon = quiet("12:00", "13:30");
    assert_eq!(noon.until(at("2026-03-02T03:00:00Z"), seoul), Some(at("2026-03-02T04:30:00Z")));
    assert_eq!(noon.until(at("2026-03-02T04:30:00Z"), seoul), None);
}

/// Berlin puts its clock forward from 02:00 to 03:00 on 29 March 2026 (01:00 UTC), and back from 03:00 to 02:00 on
/// 25 October 2026 (01:00 UTC).
#[test]
fn nights_in_berlin_are_an_hour_shorter_and_longer() {
    let (night, berlin) = (quiet("23:00", "07:00"), zone("Europe/Berlin"));
    let spring = at("2026-03-28T22:00:00Z");
    assert_eq!(night.until(spring, berlin), Some(at("2026-03-29T05:00:00Z")), "seven hours");
    let autumn = at("2026-10-24T21:00:00Z");
    assert_eq!(night.until(autumn, berlin), Some(at("2026-10-25T06:00:00Z")), "nine hours");

    // An end that is skipped is the moment of the change.
    let skipped = quiet("23:00", "02:30");
    assert_eq!(skipped.until(at("2026-03-29T00:59:00Z"), berlin), Some(at("2026-03-29T01:00:00Z")));
    assert_eq!(skipped.until(at("2026-03-29T01:00:00Z"), berlin), None);
    // Hours that are skipped as a whole are none that day.
    let gone = quiet("02:10", "02:50");
    assert_eq!(gone.until(at("2026-03-29T01:00:00Z"), berlin), None);
    assert_eq!(gone.until(at("2026-03-30T00:20:00Z"), berlin), Some(at("2026-03-30T00:50:00Z")));
}

/// New York puts its clock back from 02:00 to 01:00 on 1 November 2026 (06:00 UTC), and forward from 02:00 to 03:00 on
/// 8 March 2026 (07:00 UTC).
#[test]
fn an_hour_that_comes_twice_in_new_york_is_quiet_once() {
    let (night, new_york) = (quiet("22:00", "01:30"), zone("America/New_York"));
    let end = Some(at("2026-11-01T06:30:00Z"));
    for now in
        ["2026-11-01T02:00:00Z", "2026-11-01T05:15:00Z", "2026-11-01T05:45:00Z", "2026-11-01T06:15:00Z"]
    {
        assert_eq!(night.until(at(now), new_york), end, "{now}: until the second 01:30");
    }
    assert_eq!(night.until(at("2026-11-01T06:30:00Z"), new_york), None);
    let begins_twice = quiet("01:30", "07:00");
    assert_eq!(begins_twice.until(at("2026-11-01T05:29:00Z"), new_york), None);
    let morning = Some(at("2026-11-01T12:00:00Z"));
    for now in ["2026-11-01T05:30:00Z", "2026-11-01T06:10:00Z", "2026-11-01T06:40:00Z"] {
        assert_eq!(begins_twice.until(at(now), new_york), morning, "{now}: from the first 01:30");
    }
    let begins_skipped = quiet("02:30", "07:00");
    let spring = Some(at("2026-03-08T11:00:00Z"));
    assert_eq!(begins_skipped.until(at("2026-03-08T06:59:00Z"), new_york), None);
    assert_eq!(begins_skipped.until(at("2026-03-08T07:00:00Z"), new_york), spring);
}

#[test]
fn no_moment_of_a_year_is_quiet_for_longer_than_its_hours_and_a_change() {
    for name in ["Asia/Seoul", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo"] {
        let (night, zone) = (quiet("22:30", "06:15"), zone(name));
        let mut now = at("2026-01-01T00:00:00Z");
        while now < at("2027-01-01T00:00:00Z") {
            if let Some(until) = night.until(now, zone) {
                assert!(now < until && until - now <= TimeDelta::minutes(465 + 60), "{name} {now} {until}");
                assert_eq!(night.until(until, zone), None, "{name}: the end is the end, {until}");
            }
            now += TimeDelta::minutes(7);
        }
    }
}

#[test]
fn a_digest_comes_once_a_day_at_its_hour() {
    let hours = |hour| Hours::new(None, hour).expect("hours");
    let seoul = zone("Asia/Seoul");
    let usual = hours(None);
    assert_eq!(usual.next_digest(at("2026-03-02T00:00:00Z"), seoul), at("2026-03-03T00:00:00Z"));
    assert_eq!(usual.next_digest(at("2026-03-01T23:59:59Z"), seoul), at("2026-03-02T00:00:00Z"));
    // Two in the morning is skipped on one day in Berlin, and comes twice on another.
    let (two, berlin) = (hours(Some(2)), zone("Europe/Berlin"));
    assert_eq!(two.next_digest(at("2026-03-28T12:00:00Z"), berlin), at("2026-03-29T01:00:00Z"));
    assert_eq!(two.next_digest(at("2026-10-24T12:00:00Z"), berlin), at("2026-10-25T00:00:00Z"));
    assert_eq!(two.next_digest(at("2026-10-25T00:00:00Z"), berlin), at("2026-10-26T01:00:00Z"));
    // Samoa had no 30 December 2011.
    let apia = zone("Pacific/Apia");
    let before = at("2011-12-30T09:59:00Z");
    let next = usual.next_digest(before, apia);
    assert!(next > before && next - before <= TimeDelta::days(1), "{next}");
}

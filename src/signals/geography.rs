//! Countries as logs write them, and distances on the globe.

/// Names and ISO 3166 codes, sorted by name; what logs and enriching products write most.
#[rustfmt::skip]
static COUNTRIES: &[(&str, &str)] = &[
    ("argentina", "AR"), ("australia", "AU"), ("austria", "AT"), ("bangladesh", "BD"), ("belarus", "BY"),
    ("belgium", "BE"), ("brazil", "BR"), ("bulgaria", "BG"), ("cambodia", "KH"), ("canada", "CA"), ("chile", "CL"),
    ("china", "CN"), ("colombia", "CO"), ("croatia", "HR"), ("cyprus", "CY"), ("czech republic", "CZ"),
    ("czechia", "CZ"), ("denmark", "DK"), ("egypt", "EG"), ("estonia", "EE"), ("finland", "FI"), ("france", "FR"),
    ("germany", "DE"), ("great britain", "GB"), ("greece", "GR"), ("hong kong", "HK"), ("hungary", "HU"),
    ("iceland", "IS"), ("india", "IN"), ("indonesia", "ID"), ("iran", "IR"), ("iraq", "IQ"), ("ireland", "IE"),
    ("israel", "IL"), ("italy", "IT"), ("japan", "JP"), ("kazakhstan", "KZ"), ("kenya", "KE"),
    ("korea, republic of", "KR"), ("latvia", "LV"), ("lithuania", "LT"), ("luxembourg", "LU"), ("malaysia", "MY"),
    ("mexico", "MX"), ("moldova", "MD"), ("morocco", "MA"), ("netherlands", "NL"), ("new zealand", "NZ"),
    ("nigeria", "NG"), ("north korea", "KP"), ("norway", "NO"), ("pakistan", "PK"), ("panama", "PA"), ("peru", "PE"),
    ("philippines", "PH"), ("poland", "PL"), ("portugal", "PT"), ("qatar", "QA"), ("republic of korea", "KR"),
    ("romania", "RO"), ("russia", "RU"), ("russian federation", "RU"), ("saudi arabia", "SA"), ("serbia", "RS"),
    ("seychelles", "SC"), ("singapore", "SG"), ("slovakia", "SK"), ("slovenia", "SI"), ("south africa", "ZA"),
    ("south korea", "KR"), ("spain", "ES"), ("sri lanka", "LK"), ("sweden", "SE"), ("switzerland", "CH"),
    ("syria", "SY"), ("taiwan", "TW"), ("thailand", "TH"), ("the netherlands", "NL"), ("tunisia", "TN"),
    ("turkey", "TR"), ("uae", "AE"), ("uk", "GB"), ("ukraine", "UA"), ("united arab emirates", "AE"),
    ("united kingdom", "GB"), ("united states", "US"), ("united states of america", "US"), ("uruguay", "UY"),
    ("usa", "US"), ("venezuela", "VE"), ("viet nam", "VN"), ("vietnam", "VN"),
];

/// Two letters that are a state of the USA as well as a country: behind a city they say nothing sure.
#[rustfmt::skip]
static STATES: &[&str] = &[
    "AL", "AR", "AZ", "CA", "CO", "DE", "GA", "ID", "IL", "IN", "KY", "LA", "MA", "MD", "ME", "MN", "MO", "MS", "MT",
    "NC", "NE", "PA", "SC", "SD", "TN", "VA",
];

/// Mean radius of the Earth in kilometres.
const EARTH_KM: f64 = 6_371.0;

/// A country as logged, code or name, as ISO code; a name that is not known in lower case.
pub fn country(text: &str) -> String {
    let lower = text.trim().to_lowercase();
    match COUNTRIES.binary_search_by(|(name, _)| (*name).cmp(lower.as_str())) {
        Ok(at) => COUNTRIES.get(at).map_or(lower, |(_, code)| (*code).to_owned()),
        Err(_) if lower.len() == 2 && lower.is_ascii() => lower.to_uppercase(),
        Err(_) => lower,
    }
}

/// The country within a text such as `Russia, Moscow` or `Kyoto, Japan`.
pub fn country_in(location: &str) -> Option<String> {
    let parts = || {
        location
            .split([',', ';', '/', '|'])
            .map(str::trim)
            .filter(|p| !p.is_empty())
            .take(8)
    };
    let named = parts().find_map(|p| {
        let code = country(p);
        (p.len() > 2 && code.len() == 2).then_some(code)
    });
    let coded = || parts().find(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_uppercase()) && !STATES.contains(p));
    named.or_else(|| match location.trim() {
        // Britain's and America's usual short forms.
        "UK" => Some("GB".to_owned()),
        _ => coded().map(country),
    })
}

/// Great-circle distance of two points (latitude, longitude in degrees), in kilometres.
pub fn distance_km(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (lat_a, lat_b) = (a.0.to_radians(), b.0.to_radians());
    let (half_lat, half_lon) = ((lat_b - lat_a) / 2.0, (b.1 - a.1).to_radians() / 2.0);
    let h = half_lat.sin().powi(2) + lat_a.cos() * lat_b.cos() * half_lon.sin().powi(2);
    2.0 * EARTH_KM * h.clamp(0.0, 1.0).sqrt().asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_have_one_spelling() {
        assert!(COUNTRIES.is_sorted() && STATES.is_sorted());
        for text in ["RU", "ru", "Russia", "Russian Federation"] {
            assert_eq!(country(text), "RU");
        }
        assert_eq!(country_in("Russia, Moscow").as_deref(), Some("RU"));
        assert_eq!(country_in("Kyoto, Japan").as_deref(), Some("JP"));
        assert_eq!(country_in("Moscow, RU").as_deref(), Some("RU"));
        assert_eq!(country_in("San Francisco, CA"), None);
        assert_eq!(country_in(""), None);
    }

    #[test]
    fn distances_are_those_of_the_globe() {
        let (tokyo, moscow, osaka) = ((35.68, 139.77), (55.75, 37.62), (34.69, 135.50));
        assert!((distance_km(tokyo, moscow) - 7_480.0).abs() < 20.0);
        assert!((distance_km(tokyo, osaka) - 400.0).abs() < 10.0);
        assert_eq!(distance_km(tokyo, tokyo), 0.0);
    }
}
